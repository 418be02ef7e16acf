#include "tests/simt/executor.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "tests/simt/fiber.h"
#include "tests/simt/shared_memory.h"

uint3 threadIdx{}, blockIdx{};
dim3 blockDim, gridDim;

namespace simt {
namespace {

constexpr uint32_t kMaxThreads = 1024;

enum class State : uint8_t { kReady, kAtBarrier, kInWarp, kEnded };

/// One CUDA thread.
struct Thread : Fiber {
  uint3 index{};
  uint32_t number = 0;
  State state = State::kEnded;
  uint32_t mask = 0;  ///< of the warp operation that it waits in
  const char* what = nullptr;
  Place place{};
};

/// A warp operation that waits for lanes of its mask.
struct Meeting {
  uint32_t mask = 0, arrived = 0;
  std::array<void*, kLanes> values{};
  Complete complete = nullptr;
  void* context = nullptr;
};
struct Warp {
  uint32_t alive = 0;
  std::vector<Meeting> open;
};

/// Threads that can run, oldest first; a thread is in it at most once.
class ReadyQueue {
 public:
  void clear() { first_ = size_ = 0; }
  bool empty() const { return size_ == 0; }
  void push(Thread* thread) { ring_[(first_ + size_++) % kMaxThreads] = thread; }
  Thread* pop() {
    --size_;
    return ring_[first_++ % kMaxThreads];
  }

 private:
  std::array<Thread*, kMaxThreads> ring_{};
  uint32_t first_ = 0, size_ = 0;
};

/// The numbers 0 to count - 1 in an order drawn from a seed: start, start + step, ... modulo count.
class Order {
 public:
  Order(uint64_t random, uint32_t count) : count_(count) {
    if (count < 2 || random == 0) return;
    at_ = static_cast<uint32_t>(random % count);
    step_ = 1 + static_cast<uint32_t>((random >> 32) % (count - 1));
    while (std::gcd(step_, count) != 1) step_ = step_ % (count - 1) + 1;
  }
  uint32_t next() {
    const uint32_t now = at_;
    at_ = (at_ + step_) % count_;
    return now;
  }

 private:
  uint32_t count_, at_ = 0, step_ = 1;
};

class Executor {
 public:
  cudaError_t run(const Launch& launch, const std::function<void()>& thread);
  int block_barrier(int vote, const char* what, const Place& place);
  void meet_warp(uint32_t mask, void* value, Complete, void* context, const char* what, const Place& place);
  [[noreturn]] void fail(const std::string& message);

  Thread* current() { return current_; }
  size_t shared_bytes() const { return shared_bytes_; }
  void set_seed(uint64_t seed) { seed_ = seed; }
  const std::string& fault_text() const { return fault_; }

 private:
  static void thread_main(Fiber*);
  static void run_thread();
  void run_block();
  void start_threads();
  void switch_to(Thread& next);
  void wait();
  void end_of_thread();
  void make_ready(Thread& thread) {
    thread.state = State::kReady;
    ready_.push(&thread);
  }
  void open_barrier();
  void try_complete(Warp& warp, uint32_t first_thread, size_t meeting, Thread* completer);
  [[noreturn]] void report_stuck();
  std::string name_of(const Thread& thread) const {
    return fmt::format("thread ({}, {}, {})", thread.index.x, thread.index.y, thread.index.z);
  }
  uint64_t random() {  // splitmix64
    if (seed_ == 0) return 0;
    uint64_t z = random_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  Fiber host_;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::array<Warp, kMaxThreads / kLanes> warps_;
  ReadyQueue ready_;
  Thread* current_ = nullptr;
  const std::function<void()>* body_ = nullptr;
  uint32_t count_ = 0, alive_ = 0, at_barrier_ = 0;
  int votes_ = 0, vote_result_ = 0;
  const Thread* first_at_barrier_ = nullptr;
  size_t shared_bytes_ = 0;
  uint64_t seed_ = 1, random_ = 0;
  std::string fault_;
};

Executor& executor() {
  static Executor the_executor;
  return the_executor;
}

std::string text_of(const char* what, const Place& place) {
  const char* const slash = std::strrchr(place.file_name(), '/');
  return fmt::format("{} at {}:{}", what, slash ? slash + 1 : place.file_name(), place.line());
}
bool same(const Place& a, const Place& b) {
  return a.line() == b.line() && a.column() == b.column() && std::strcmp(a.file_name(), b.file_name()) == 0;
}

cudaError_t Executor::run(const Launch& launch, const std::function<void()>& thread) {
  body_ = &thread;
  gridDim = launch.grid;
  blockDim = launch.block;
  count_ = launch.block.x * launch.block.y * launch.block.z;
  shared_bytes_ = launch.shared_bytes;
  fault_.clear();
  random_ = seed_;
  while (threads_.size() < count_) threads_.push_back(std::make_unique<Thread>());
  for (uint32_t i = 0; i < count_; ++i) {
    Thread& t = *threads_[i];
    t.number = i;
    t.index = {i % blockDim.x, i / blockDim.x % blockDim.y, i / (blockDim.x * blockDim.y)};
  }
  for (uint32_t z = 0; z < gridDim.z; ++z)
    for (uint32_t y = 0; y < gridDim.y; ++y)
      for (uint32_t x = 0; x < gridDim.x; ++x) {
        blockIdx = {x, y, z};
        run_block();
        if (!fault_.empty()) return cudaErrorLaunchFailure;
      }
  return cudaSuccess;
}

void Executor::run_block() {
  const SharedMemory::Block shared(shared_bytes_);
  ready_.clear();
  alive_ = count_;
  at_barrier_ = 0;
  votes_ = 0;
  for (uint32_t w = 0; w * kLanes < count_; ++w) {
    const uint32_t lanes = std::min<uint32_t>(kLanes, count_ - w * kLanes);
    warps_[w].alive = lanes == kLanes ? 0xffffffffu : (1u << lanes) - 1;
    warps_[w].open.clear();
  }
  Order order(random(), count_);
  for (uint32_t i = 0; i < count_; ++i) {
    Thread& thread = *threads_[order.next()];
    thread.restart(thread_main);
    make_ready(thread);
  }
  current_ = ready_.pop();
  threadIdx = current_->index;
  host_.switch_to(*current_);
  current_ = nullptr;
}

void Executor::thread_main(Fiber*) {
  run_thread();
  executor().end_of_thread();
}

/// Apart from thread_main(), whose frame is never left.
__attribute__((noinline)) void Executor::run_thread() {
  try {
    (*executor().body_)();
  } catch (const std::exception& failure) {
    executor().fail(fmt::format("exception: {}", failure.what()));
  } catch (...) {
    executor().fail("exception of an unknown type");
  }
}

void Executor::switch_to(Thread& next) {
  Thread& from = *current_;
  if (&next == &from) return;
  current_ = &next;
  threadIdx = next.index;
  from.switch_to(next);
}

/// Lets others run until somebody makes this thread ready.
void Executor::wait() {
  if (ready_.empty()) report_stuck();
  switch_to(*ready_.pop());
}

void Executor::end_of_thread() {
  Thread& thread = *current_;
  thread.state = State::kEnded;
  --alive_;
  const uint32_t first = thread.number / kLanes * kLanes;
  Warp& warp = warps_[thread.number / kLanes];
  warp.alive &= ~(1u << (thread.number - first));
  for (size_t m = warp.open.size(); m-- > 0;) try_complete(warp, first, m, nullptr);
  if (at_barrier_ > 0 && at_barrier_ == alive_) open_barrier();
  if (alive_ == 0) thread.leave_to(host_);
  if (ready_.empty()) report_stuck();
  current_ = ready_.pop();
  threadIdx = current_->index;
  thread.leave_to(*current_);
}

int Executor::block_barrier(int vote, const char* what, const Place& place) {
  Thread& thread = *current_;
  thread.what = what;
  thread.place = place;
  if (at_barrier_ == 0)
    first_at_barrier_ = &thread;
  else if (!same(place, first_at_barrier_->place))
    fail(fmt::format("divergent barrier: {} waits in {}, this thread in {}", name_of(*first_at_barrier_),
                     text_of(first_at_barrier_->what, first_at_barrier_->place), text_of(what, place)));
  ++at_barrier_;
  votes_ += vote;
  thread.state = State::kAtBarrier;
  if (at_barrier_ == alive_) open_barrier();
  wait();
  return vote_result_;
}

void Executor::open_barrier() {
  vote_result_ = votes_;
  votes_ = 0;
  at_barrier_ = 0;
  Order order(random(), count_);
  for (uint32_t i = 0; i < count_; ++i) {
    Thread& thread = *threads_[order.next()];
    if (thread.state == State::kAtBarrier) make_ready(thread);
  }
}

void Executor::meet_warp(uint32_t mask, void* value, Complete complete, void* context, const char* what,
                         const Place& place) {
  Thread& thread = *current_;
  const uint32_t first = thread.number / kLanes * kLanes, lane = thread.number - first;
  thread.what = what;
  thread.place = place;
  thread.mask = mask;
  if (!(mask >> lane & 1))
    fail(fmt::format("{}: mask {:#010x} lacks the calling lane {}", text_of(what, place), mask, lane));
  Warp& warp = warps_[thread.number / kLanes];
  size_t m = 0;
  while (m < warp.open.size() && warp.open[m].mask != mask) ++m;
  if (m == warp.open.size()) {
    warp.open.push_back({.mask = mask, .complete = complete});
  } else {
    const Thread& other = *threads_[first + static_cast<uint32_t>(std::countr_zero(warp.open[m].arrived))];
    if (!same(place, other.place) || warp.open[m].complete != complete)
      fail(fmt::format("divergent warp: {} waits in {}, this thread in {}, with one mask {:#010x}", name_of(other),
                       text_of(other.what, other.place), text_of(what, place), mask));
  }
  Meeting& meeting = warp.open[m];
  meeting.arrived |= 1u << lane;
  meeting.values[lane] = value;
  meeting.context = context;
  thread.state = State::kInWarp;
  try_complete(warp, first, m, &thread);
  if (thread.state == State::kInWarp) wait();
}

/// Ends the meeting if everybody is there. The completer goes on at once, the others when their turn comes.
void Executor::try_complete(Warp& warp, uint32_t first_thread, size_t m, Thread* completer) {
  Meeting& meeting = warp.open[m];
  if (meeting.arrived != (meeting.mask & warp.alive)) return;
  meeting.complete(meeting.values.data(), meeting.arrived, meeting.context);
  Order order(random(), kLanes);
  for (uint32_t i = 0; i < kLanes; ++i) {
    const uint32_t lane = order.next();
    if (!(meeting.arrived >> lane & 1)) continue;
    Thread& thread = *threads_[first_thread + lane];
    if (&thread == completer)
      thread.state = State::kReady;
    else
      make_ready(thread);
  }
  if (m + 1 != warp.open.size()) meeting = warp.open.back();
  warp.open.pop_back();
}

void Executor::report_stuck() {
  if (at_barrier_ > 0 && at_barrier_ < alive_) {
    for (uint32_t i = 0; i < count_; ++i)
      if (threads_[i]->state == State::kInWarp)
        fail(fmt::format("stuck: {} of {} threads wait in {}, {} in {}", at_barrier_, alive_,
                         text_of(first_at_barrier_->what, first_at_barrier_->place), name_of(*threads_[i]),
                         text_of(threads_[i]->what, threads_[i]->place)));
  }
  for (uint32_t i = 0; i < count_; ++i) {
    const Thread& thread = *threads_[i];
    if (thread.state != State::kInWarp) continue;
    const Warp& warp = warps_[i / kLanes];
    uint32_t arrived = 0;
    for (const Meeting& meeting : warp.open)
      if (meeting.mask == thread.mask) arrived = meeting.arrived;
    fail(fmt::format("stuck: {} waits in {} for lanes {:#010x} of warp {}, which never come", name_of(thread),
                     text_of(thread.what, thread.place), thread.mask & warp.alive & ~arrived, i / kLanes));
  }
  std::abort();  // a block whose threads all wait at one barrier is never stuck
}

/// Goes back to the host; the block's other threads are dropped where they are.
void Executor::fail(const std::string& message) {
  fault_ = fmt::format("block ({}, {}, {}), {}: {}", blockIdx.x, blockIdx.y, blockIdx.z, name_of(*current_), message);
  current_->switch_to(host_);
  std::abort();
}

}  // namespace

cudaError_t run_kernel(const Launch& launch, const std::function<void()>& thread) {
  return executor().run(launch, thread);
}
const char* last_fault() { return executor().fault_text().c_str(); }
bool in_kernel() { return executor().current() != nullptr; }

int block_barrier(int vote, const char* what, const Place& place) {
  return executor().block_barrier(vote, what, place);
}
void meet_warp(uint32_t mask, void* value, Complete complete, void* context, const char* what, const Place& place) {
  executor().meet_warp(mask, value, complete, context, what, place);
}
int lane_id() { return static_cast<int>(executor().current()->number % kLanes); }
void fault(const char* message, const Place& place) { executor().fail(text_of(message, place)); }

Ballot ballot(uint32_t mask, bool predicate, const char* what, const Place& place) {
  Ballot own{predicate, 0};
  meet_warp(
      mask, &own,
      [](void* const* values, uint32_t present, void*) {
        uint32_t bits = 0;
        for (int lane = 0; lane < kLanes; ++lane)
          if (present >> lane & 1) bits |= static_cast<Ballot*>(values[lane])->predicate << lane;
        for (int lane = 0; lane < kLanes; ++lane)
          if (present >> lane & 1) *static_cast<Ballot*>(values[lane]) = {bits, present};
      },
      nullptr, what, place);
  return own;
}

void* shared_memory(size_t bytes) {
  if (bytes > executor().shared_bytes())
    executor().fail(fmt::format("the kernel takes {} bytes of shared memory, the launch gave {}", bytes,
                                executor().shared_bytes()));
  return SharedMemory::data();
}

void set_schedule_seed(uint64_t seed) { executor().set_seed(seed); }

}  // namespace simt
