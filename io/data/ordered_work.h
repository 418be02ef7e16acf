#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace lorica {

/// Turns items into results on several threads and hands the results on, on the thread that adds the items, in the
/// order of the items. Of what is waiting it holds a bounded number of bytes. An exception of `work` is thrown where
/// its result would have been handed on.
template <class In, class Out>
class OrderedWork {
 public:
  using Work = std::function<Out(In&&)>;
  using Consume = std::function<void(Out&&)>;

  /// With one thread the work is done within add(). `work` is called from several threads at once.
  OrderedWork(size_t threads, Work work, Consume consume)
      : work_(std::move(work)), consume_(std::move(consume)), limit_((threads + 1) * 4 * kChunkBytes) {
    for (size_t i = 0; threads > 1 && i < threads; ++i) threads_.emplace_back([this] { run(); });
  }
  ~OrderedWork() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  OrderedWork(const OrderedWork&) = delete;
  OrderedWork& operator=(const OrderedWork&) = delete;

  /// `bytes` says how much memory the item takes, roughly.
  void add(In item, size_t bytes) {
    if (threads_.empty()) return consume_(work_(std::move(item)));
    if (!filling_) filling_ = std::make_shared<Chunk>();
    filling_->items.push_back(std::move(item));
    filling_->bytes += bytes;
    if (filling_->bytes >= kChunkBytes) hand_out();
  }
  /// Waits until everything is handed on.
  void finish() {
    if (filling_) hand_out();
    while (!waiting_.empty()) take_first();
  }

 private:
  static constexpr size_t kChunkBytes = size_t{256} << 10;
  struct Chunk {
    std::vector<In> items;
    std::vector<Out> results;
    std::exception_ptr failure;  // of the item after the last result
    size_t bytes = 0;
    bool done = false;
  };

  void hand_out() {
    held_ += filling_->bytes;
    waiting_.push_back(filling_);
    {
      const std::lock_guard lock(mutex_);
      to_do_.push_back(std::move(filling_));
    }
    filling_ = nullptr;
    wake_.notify_one();
    while (held_ > limit_) take_first();
  }

  void take_first() {
    const std::shared_ptr<Chunk> first = std::move(waiting_.front());
    waiting_.pop_front();
    held_ -= first->bytes;
    {
      std::unique_lock lock(mutex_);
      finished_.wait(lock, [&] { return first->done; });
    }
    for (Out& result : first->results) consume_(std::move(result));
    if (first->failure) std::rethrow_exception(first->failure);
  }

  void run() {
    for (;;) {
      std::shared_ptr<Chunk> chunk;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stop_ || !to_do_.empty(); });
        if (stop_) return;
        chunk = std::move(to_do_.front());
        to_do_.pop_front();
      }
      try {
        for (In& item : chunk->items) chunk->results.push_back(work_(std::move(item)));
      } catch (...) {
        chunk->failure = std::current_exception();
      }
      chunk->items.clear();
      {
        const std::lock_guard lock(mutex_);
        chunk->done = true;
      }
      finished_.notify_one();
    }
  }

  const Work work_;
  const Consume consume_;
  const size_t limit_;
  std::shared_ptr<Chunk> filling_;              // of the adding thread, as are the next two
  std::deque<std::shared_ptr<Chunk>> waiting_;  // in order
  size_t held_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_, finished_;
  std::deque<std::shared_ptr<Chunk>> to_do_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace lorica
