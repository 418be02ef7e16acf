#pragma once
#include <functional>

#include "io/chat_template/runtime.h"

namespace lorica::jinja {

/// The variable `loop`, and the loop itself.
class Loop : public MutableObject, public std::enable_shared_from_this<Loop> {
 public:
  /// Runs the loop's body over other items, the given number of loops further in; gives its text.
  using Recursion = std::function<Value(const Value& items, int64_t depth)>;
  /// `depth`: calls of loop() around; `recursion` is empty for a loop that is not recursive.
  Loop(SharedValues items, int64_t depth, Recursion recursion)
      : items_(std::move(items)), depth_(depth), recursion_(std::move(recursion)) {}

  /// The next item, null at the end.
  const Value* advance();

  std::string_view type_name() const override { return "LoopContext"; }
  std::string repr(Budget& budget, int nesting) const override;
  std::optional<Value> attribute(const std::string& name) override;
  bool is_callable() const override { return true; }
  Value call(Runtime& runtime, const CallArguments& arguments) override;
  std::optional<int64_t> length() const override { return static_cast<int64_t>(items_->size()); }
  void clear() override { last_seen_.reset(); }

 private:
  static Value cycle(Runtime& runtime, const Value& self, const CallArguments& arguments);
  static Value changed(Runtime& runtime, const Value& self, const CallArguments& arguments);

  SharedValues items_;
  int64_t depth_;
  Recursion recursion_;
  int64_t index_ = -1;
  std::optional<Value> last_seen_;  ///< what changed() was last given
  bool kept_ = false;
};

}  // namespace lorica::jinja
