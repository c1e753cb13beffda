// A program of somebody else's that embeds the whole proxy: embed_proxy LISTEN=TARGET, until SIGTERM.
#include <cstdio>

#include <sluice/config_load.hpp>
#include <sluice/proxy.hpp>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  sluice::config_sources sources;
  sources.forwards = {argv[1]};
  sluice::load_result loaded = sluice::load_config(sources);
  if (!loaded.ok()) {
    for (const sluice::diagnostic& one : loaded.diagnostics) std::fputs(sluice::to_text(one, false).c_str(), stderr);
    return 78;
  }
  loaded.config.limits.workers = 1;
  loaded.config.log.access = false;
  try {
    sluice::proxy proxy(loaded.config);
    const sluice::exit_code code = proxy.run([] {
      std::puts("ready");
      std::fflush(stdout);
    });
    const sluice::stats all = proxy.stats();
    std::printf("accepted %llu, spliced %llu, copied %llu\n", static_cast<unsigned long long>(all.accepted),
                static_cast<unsigned long long>(all.relay.bytes_spliced),
                static_cast<unsigned long long>(all.relay.bytes_copied));
    return static_cast<int>(code);
  } catch (const sluice::startup_error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  }
}
