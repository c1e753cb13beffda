#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "support/catch.hpp"
#include "support/crowd.hpp"
#include "support/echo_server.hpp"
#include "support/fd_count.hpp"
#include "support/figure.hpp"
#include "support/free_ports.hpp"
#include "support/peer_server.hpp"
#include "support/sluice_process.hpp"
#include "support/temporary_directory.hpp"

using namespace sluice::support;

namespace {

/// $1 is an empty folder, $2 the program. A read-only root with its shared libraries, and nothing else: no /proc, no
/// /etc, no home; a uid that nobody knows, and no environment.
constexpr const char* bare_root = R"sh(
set -e
root=$1 program=$2
shift 2
mount -t tmpfs none "$root"
for folder in usr lib lib32 lib64; do
  [ -e "/$folder" ] || continue
  if [ -L "/$folder" ]; then cp -P "/$folder" "$root/"; else mkdir "$root/$folder"; mount --bind "/$folder" "$root/$folder"; fi
done
: > "$root/sluice"
mount --bind "$program" "$root/sluice"
mount -o remount,ro "$root"
PATH="$PATH:/usr/sbin:/sbin"
exec env -i NOTIFY_SOCKET="$NOTIFY_SOCKET" "$(command -v chroot)" --userspec=12345:12345 "$root" /sluice "$@"
)sh";

bool is_mount_point(const char* path) {
  struct statx seen {};
  return ::statx(AT_FDCWD, path, 0, 0, &seen) == 0 && (seen.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

std::size_t count_in(const std::string& text, const std::string& wanted) {
  std::size_t n = 0;
  for (std::size_t at = text.find(wanted); at != std::string::npos; at = text.find(wanted, at + 1)) ++n;
  return n;
}

}  // namespace

// FAULTS.md O5.
TEST_CASE("faults: it starts and serves on a read-only root without /proc, home or a known user", "[faults][O5]") {
  if (::geteuid() != 0) {
    WARN("not run: to mount is for root alone");
    return;
  }
  if (slowness > 1) {
    WARN("not run: a sanitizer needs /proc");
    return;
  }
  if (!is_mount_point("/")) {
    WARN("not run: in a chroot whose root is no mount point nobody can have mounts of his own");
    return;
  }
  const fd_baseline descriptors;
  const temporary_directory files;
  const echo_server backend;
  const std::string front = free_address();
  sluice_process sluice({.arguments = {front + '=' + backend.address()},
                         .within = {"unshare", "--mount", "--propagation", "private", "sh", "-c", bare_root, "sh",
                                    files.path().string()}});
  {
    crowd clients(parse_address(front), 20);
    clients.exchange(100'000);
  }
  for (const session_record& record : sluice.wait_sessions(20)) CHECK(record.path == "spliced");
  sluice.check_clean_end();
  const std::size_t warnings = count_in(sluice.output(), "\"level\":\"warning\"");
  CHECK(warnings <= 1);
  figure("O5", "starts and serves, " + std::to_string(warnings) + " warnings");
}
