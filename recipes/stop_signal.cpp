#include "recipes/stop_signal.h"

#include <unistd.h>

#include <csignal>

namespace lorica {
namespace {

volatile std::sig_atomic_t stop_signal = 0;

void note_signal(int signal) {
  if (stop_signal != 0) _exit(128 + signal);
  stop_signal = signal;
}

}  // namespace

StopSignal::StopSignal() {
  stop_signal = 0;
  std::signal(SIGINT, note_signal);
  std::signal(SIGTERM, note_signal);
}

StopSignal::~StopSignal() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

int StopSignal::received() { return stop_signal; }

}  // namespace lorica
