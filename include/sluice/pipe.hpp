#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>

// What is behind the public types; not part of the interface.
namespace sluice::relay {
struct pipe;
class pipe_pool;
}  // namespace sluice::relay

/// The zero-copy primitives for other programs: pipe, pipe_pool, splice, tee, and a relay of two sockets. Errors are
/// std::error_code of the system category, with the kernel's number; "would block" and end of file are values; EINTR is
/// never seen; SIGPIPE is kept from the calling thread, without effect on others.
namespace sluice::zero_copy {

/// What a call that moves bytes did.
struct [[nodiscard]] move_result {
  enum class kind : std::uint8_t {
    moved,        ///< `bytes` of them, more than 0
    end_of_file,  ///< the source has ended
    would_block,  ///< nothing now: poll(2) the socket, then try again
    failed,       ///< `error` says why
  };

  kind what = kind::moved;
  std::size_t bytes = 0;
  std::error_code error;

  /// Bytes were moved.
  explicit operator bool() const noexcept { return what == kind::moved; }
};

/// A pipe(7), both ends O_NONBLOCK and O_CLOEXEC, that knows exactly how many bytes are in it. Owns its two
/// descriptors; one that was borrowed from a pool goes back to it instead of being closed.
///
/// Its room is slots, not bytes: each fragment of a packet takes one, whatever its length (fs/pipe.c), so 200 one-byte
/// packets fill a pipe of 64 KiB. Only an empty pipe surely has room, hence splice() and tee() fill none but empty
/// ones. Thread: one at a time; one that was borrowed, its pool's.
class pipe {
 public:
  /// No pipe.
  pipe() noexcept = default;
  /// Asks the kernel for so many bytes, once; 0 leaves its default of 64 KiB. error() says why if there is none (EMFILE
  /// and the like). The kernel may grant less, see size_bytes(): beyond /proc/sys/fs/pipe-user-pages-soft an ordinary
  /// user's pipes have two slots, which is not worth a splice (pipe(7)).
  explicit pipe(std::size_t wished_bytes) noexcept;
  pipe(pipe&& other) noexcept;
  pipe& operator=(pipe&& other) noexcept;
  /// What is still in it is lost.
  ~pipe();

  explicit operator bool() const noexcept { return held_ != nullptr; }
  /// Why there is no pipe.
  std::error_code error() const noexcept { return error_; }

  /// The descriptors, -1 if there is no pipe. They stay the pipe's. Who reads or writes them by other means makes
  /// bytes() wrong.
  int read_end() const noexcept;
  int write_end() const noexcept;

  /// What the kernel granted (F_GETPIPE_SZ, fcntl(2)): the most that one splice takes. It is no bound for bytes().
  std::size_t size_bytes() const noexcept;
  /// The same in fragments.
  std::uint32_t slots() const noexcept;
  /// Bytes in it now.
  std::size_t bytes() const noexcept;

 private:
  friend class pipe_pool;
  friend struct pipe_access;
  pipe(sluice::relay::pipe* borrowed, sluice::relay::pipe_pool* owner) noexcept : held_(borrowed), pool_(owner) {}
  void let_go() noexcept;

  sluice::relay::pipe* held_ = nullptr;
  sluice::relay::pipe_pool* pool_ = nullptr;  ///< null: the pipe is ours
  std::error_code error_;
};

/// Reads bytes out of a pipe into memory (read(2)): to look at what tee() gave.
move_result read(pipe& from, std::span<std::byte> into) noexcept;

/// Writes bytes into an empty pipe (write(2)), as a header that goes before what another pipe holds. Moves fewer than
/// asked where slots run out. failed with EBUSY: the pipe is not empty.
move_result write(pipe& into, std::span<const std::byte> from) noexcept;

}  // namespace sluice::zero_copy
