// program.hpp - the frame of a program's main: how it waits, and what its errors come out as.
#pragma once

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include "common/device.hpp"
#include "common/settings.hpp"
#include "common/threads.hpp"

namespace longwave::examples {

// The exit code of run(); 2 for a mistake on the command line or a device that is not there, 1 for any other error,
// with one line on stderr. less: what needs less memory; help: how to ask for the command line.
template <class Run>
int run_program(const char* name, const char* help, const char* less, char** argv, Run&& run) {
  let_threads_sleep(argv);
  std::signal(SIGXFSZ, SIG_IGN);  // beyond a limit on file sizes, writes fail with an error instead
  try {
    return run();
  } catch (const NoDeviceError& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return 2;
  } catch (const UsageError& error) {
    std::fprintf(stderr, "%s: %s\nRun %s for the command line.\n", name, error.what(), help);
    return 2;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "%s: out of memory; %s\n", name, less);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
  }
  return 1;
}

}  // namespace longwave::examples
