#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace sluice::sys {

/// Raises the soft limit of descriptors to the hard one. Returns the soft limit as it is then; the old one if the
/// kernel refused.
std::uint64_t raise_descriptor_limit() noexcept;

/// How many processors this process may use at once: the least of its affinity and its cgroup's quota, at least 1.
unsigned usable_processors(const std::filesystem::path& root = "/");

/// The processors that the CPU quota of this process' cgroup and of those above it amounts to, rounded up: cpu.max of
/// cgroup v2, cpu.cfs_quota_us of v1. nullopt where no quota is set or none can be read. root: where /proc and /sys
/// are.
std::optional<unsigned> quota_processors(const std::filesystem::path& root = "/");

}  // namespace sluice::sys
