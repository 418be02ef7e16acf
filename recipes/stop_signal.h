#pragma once

namespace lorica {

/// While it lives, SIGINT and SIGTERM are noted instead of ending the program, so that a run can save first; a second
/// one ends it at once with 128 + its number.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  /// The signal's number, or 0.
  static int received();
};

/// Thrown by a run that saved after a signal; the program exits with 128 + signal.
struct Interrupted {
  int signal;
};

}  // namespace lorica
