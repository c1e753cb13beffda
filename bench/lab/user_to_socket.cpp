#include <sys/mman.h>

#include <cstddef>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "coded_bytes.hpp"
#include "endpoints.hpp"
#include "far_ends.hpp"
#include "movers.hpp"
#include "tables.hpp"
#include "zero_copy_sender.hpp"

namespace sluice::bench::lab {
namespace {

/// Whole pages, as vmsplice and MSG_ZEROCOPY like them, holding the first coded bytes. Never written again, so that it
/// does not matter when the kernel is done with them.
class page_aligned {
 public:
  page_aligned() : start_(mmap(nullptr, largest_piece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (start_ == MAP_FAILED) throw_errno("mmap");
    const auto bytes = coded(0, largest_piece);
    std::memcpy(start_, bytes.data(), bytes.size());
  }
  page_aligned(const page_aligned&) = delete;
  page_aligned& operator=(const page_aligned&) = delete;
  ~page_aligned() { munmap(start_, largest_piece); }

  std::span<const std::byte> first(std::size_t bytes) const { return {static_cast<const std::byte*>(start_), bytes}; }

 private:
  void* start_;
};

/// Sends the memory over and over. Says what is worth saying.
using sender =
    std::function<std::string(const unique_fd& into, std::span<const std::byte> memory, std::uint64_t bytes)>;

std::string by_write(const unique_fd& into, std::span<const std::byte> memory, std::uint64_t bytes) {
  while (bytes > 0) bytes -= calls::write(into.get(), memory.first(at_most(memory.size(), bytes)));
  return "";
}

std::string by_vmsplice(const unique_fd& into, std::span<const std::byte> memory, std::uint64_t bytes) {
  const pipe_ends pipe = make_pipe(std::max(memory.size(), default_pipe_bytes));
  while (bytes > 0) {
    const std::size_t got = calls::vmsplice(pipe.in.get(), memory.first(at_most(memory.size(), bytes)));
    splice_all(pipe, into.get(), got);
    bytes -= got;
  }
  return "";
}

std::string by_zero_copy(const unique_fd& into, std::span<const std::byte> memory, std::uint64_t bytes) {
  zero_copy_sender sending(into);
  while (bytes > 0) bytes -= sending.send(memory.first(at_most(memory.size(), bytes)));
  sending.wait_for_all();
  return sending.summary();
}

}  // namespace

table user_to_socket(const options& wanted) {
  static const std::vector<std::pair<std::string, sender>> techniques{
      {"write", by_write}, {"vmsplice + splice", by_vmsplice}, {"MSG_ZEROCOPY", by_zero_copy}};
  table made{.name = "user_to_socket", .title = "User memory to TCP socket", .piece_means = "a call"};
  const page_aligned memory;
  for (const std::size_t kib : {4, 16, 64, 256, 1024}) {
    const auto piece = memory.first(kib * 1024);
    for (const auto& [name, send] : techniques) {
      const auto run = [&, &how = send](const run_order& order) {
        const stream_pair pair = tcp_pair();
        taker taken(pair.theirs, order.verify, piece.size());
        run_result result;
        result.cost = measure(order.bytes, [&] { result.note = how(pair.ours, piece, order.bytes); });
        taken.finish(pair.ours, order.bytes);
        return result;
      };
      made.rows.push_back(
          measured_row({.technique = name, .group = size_text(piece.size()), .piece_bytes = piece.size()},
                       wanted.socket_bytes, wanted.repeat, run));
    }
  }
  made.remarks.push_back(
      "`copied` is SO_EE_CODE_ZEROCOPY_COPIED in the completion notices: the kernel pinned the pages, then copied them "
      "after all, as it does whenever the other end of a connection is on the same machine.");
  return made;
}

}  // namespace sluice::bench::lab
