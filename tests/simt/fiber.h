#pragma once
#include <boost/context/detail/fcontext.hpp>
#include <cstddef>

namespace simt {

/// One flow of control with a stack of its own, or the host's. Switching tells AddressSanitizer.
class Fiber {
 public:
  /// The host's own flow: it is switched away from and back to.
  Fiber() = default;
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber();

  /// Makes entry(this) the next thing to run here, from the top of the stack; what ran here before is dropped.
  void restart(void (*entry)(Fiber*));
  /// Runs `next` until somebody switches back.
  void switch_to(Fiber& next);
  /// The same, never to be resumed.
  [[noreturn]] void leave_to(Fiber& next);

 private:
  static void start(boost::context::detail::transfer_t);
  /// What every fiber does first when it gets control.
  void arrive(boost::context::detail::transfer_t, void* fake_stack);

  boost::context::detail::fcontext_t context_ = nullptr;
  void (*entry_)(Fiber*) = nullptr;
  char* stack_ = nullptr;  ///< lowest address; the host's is learned at the first switch
  size_t stack_bytes_ = 0;
  bool owns_stack_ = false;
};

}  // namespace simt
