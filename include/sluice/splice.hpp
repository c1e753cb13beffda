#pragma once

#include <cstddef>
#include <cstdint>

#include "sluice/pipe.hpp"

namespace sluice::zero_copy {

/// Fills an empty pipe from a socket by one splice(2): up to `most` bytes, and never more than pipe::size_bytes().
///
/// The pipe is empty, so would_block can only mean that the socket has nothing. Fewer bytes than asked for do not mean
/// that it is empty: go on until would_block. end_of_file also follows a reset that somebody was told before
/// (net/ipv4/tcp.c, tcp_splice_read), and stands for ever before urgent data; relay knows the difference, this call
/// does not. On a blocking socket it waits (splice(2): SPLICE_F_NONBLOCK is about the pipe).
///
/// failed with EBUSY: the pipe is not empty, drain it first. EBADF: there is no pipe. EINVAL: this kind of descriptor
/// can't be spliced from, read it instead; ENOSYS, EPERM: the kernel or a sandbox forbids it.
move_result splice(int source, pipe& into, std::size_t most = SIZE_MAX) noexcept;

/// Drains a pipe into a socket by one splice(2): up to `most` bytes, and never more than pipe::bytes(), for a longer
/// length holds back the last segment for 200 ms (fs/splice.c: splice_to_socket sets MSG_MORE).
///
/// A partial move is usual: call again until pipe::bytes() is 0 or it would block. An empty pipe would block.
/// failed: what was not moved is still in the pipe. EPIPE and ECONNRESET: the peer is gone. EINVAL and others as above.
move_result splice(pipe& from, int sink, std::size_t most = SIZE_MAX) noexcept;

/// Puts the bytes of one pipe into another as well, without taking them out (tee(2)), and without copying them. Call it
/// once after a fill, before any drain: tee begins at the head every time (fs/splice.c, link_pipe).
///
/// `into` must be empty (failed with EBUSY) and should have at least as many slots: fewer bytes than from.bytes() mean
/// that its slots ran out, and the rest can't be had later. An empty `from` would block.
move_result tee(const pipe& from, pipe& into) noexcept;

}  // namespace sluice::zero_copy
