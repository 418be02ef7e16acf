#include "tests/simt/fiber.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>
#include <utility>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace simt {
namespace {

using boost::context::detail::transfer_t;

constexpr size_t kStackBytes = 256 * 1024, kGuardBytes = 4096;

/// What a switch hands to the fiber that it resumes; not on a stack, where the sanitizer would guard it for ever if the
/// fiber is never resumed.
struct Switch {
  Fiber* from;
  Fiber* to;
} the_switch;

}  // namespace

Fiber::~Fiber() {
  if (owns_stack_) munmap(stack_ - kGuardBytes, kStackBytes + kGuardBytes);
}

void Fiber::restart(void (*entry)(Fiber*)) {
  if (!stack_) {
    void* block = mmap(nullptr, kStackBytes + kGuardBytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (block == MAP_FAILED) throw std::bad_alloc();
    mprotect(block, kGuardBytes, PROT_NONE);
    stack_ = static_cast<char*>(block) + kGuardBytes;
    stack_bytes_ = kStackBytes;
    owns_stack_ = true;
  }
#ifdef __SANITIZE_ADDRESS__
  if (entry_) __asan_unpoison_memory_region(stack_, stack_bytes_);  // guards of frames that were dropped
#endif
  entry_ = entry;
  context_ = boost::context::detail::make_fcontext(stack_ + stack_bytes_, stack_bytes_, start);
}

__attribute__((no_sanitize_address)) void Fiber::start(transfer_t transfer) {
  Fiber* const self = static_cast<Switch*>(transfer.data)->to;
  self->arrive(transfer, nullptr);
  self->entry_(self);
  std::abort();  // an entry leaves by leave_to()
}

void Fiber::arrive(transfer_t transfer, [[maybe_unused]] void* fake_stack) {
  Fiber* const from = static_cast<Switch*>(transfer.data)->from;
  from->context_ = transfer.fctx;
#ifdef __SANITIZE_ADDRESS__
  const void* bottom = nullptr;
  size_t bytes = 0;
  __sanitizer_finish_switch_fiber(fake_stack, &bottom, &bytes);
  if (!from->owns_stack_) {
    from->stack_ = static_cast<char*>(const_cast<void*>(bottom));
    from->stack_bytes_ = bytes;
  }
#endif
}

void Fiber::switch_to(Fiber& next) {
  the_switch = {this, &next};
  void* fake_stack = nullptr;
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(&fake_stack, next.stack_, next.stack_bytes_);
#endif
  arrive(boost::context::detail::jump_fcontext(next.context_, &the_switch), fake_stack);
}

void Fiber::leave_to(Fiber& next) {
  entry_ = nullptr;
  the_switch = {this, &next};
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(nullptr, next.stack_, next.stack_bytes_);
#endif
  boost::context::detail::jump_fcontext(next.context_, &the_switch);
  std::abort();
}

}  // namespace simt
