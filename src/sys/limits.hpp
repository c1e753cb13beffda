#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace sluice::sys {

/// The soft limit of descriptors, RLIMIT_NOFILE; 1,024 if the kernel won't say.
std::uint64_t descriptor_limit() noexcept;

/// Raises the soft limit of descriptors to the hard one. Returns the soft limit as it is then; the old one if the
/// kernel refused.
std::uint64_t raise_descriptor_limit() noexcept;

/// net.core.somaxconn: the kernel lets no listener's backlog be larger. nullopt where it can't be read.
std::optional<std::uint32_t> read_backlog_cap(const std::filesystem::path& root = "/");

/// How many processors this process may use at once: the least of its affinity and its cgroup's quota, at least 1.
unsigned usable_processors(const std::filesystem::path& root = "/");

/// The processors that the CPU quota of this process' cgroup and of those above it amounts to, rounded up: cpu.max of
/// cgroup v2, cpu.cfs_quota_us of v1. nullopt where no quota is set or none can be read. root: where /proc and /sys
/// are.
std::optional<unsigned> quota_processors(const std::filesystem::path& root = "/");

/// The least memory limit of this process' cgroup and of those above it, in bytes: memory.max of cgroup v2,
/// memory.limit_in_bytes of v1, which says a huge number where there is none. nullopt where none can be read.
std::optional<std::uint64_t> memory_limit(const std::filesystem::path& root = "/");

}  // namespace sluice::sys
