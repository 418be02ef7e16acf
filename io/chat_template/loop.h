#pragma once
#include "io/chat_template/runtime.h"

namespace lorica::jinja {

/// The variable `loop`, and the loop itself.
class Loop : public MutableObject, public std::enable_shared_from_this<Loop> {
 public:
  explicit Loop(SharedValues items) : items_(std::move(items)) {}

  /// The next item, null at the end.
  const Value* advance();

  std::string_view type_name() const override { return "LoopContext"; }
  std::string repr(Budget& budget, int nesting) const override;
  std::optional<Value> attribute(const std::string& name) override;
  std::optional<int64_t> length() const override { return static_cast<int64_t>(items_->size()); }
  void clear() override { last_seen_.reset(); }

 private:
  static Value cycle(Runtime& runtime, const Value& self, const CallArguments& arguments);
  static Value changed(Runtime& runtime, const Value& self, const CallArguments& arguments);

  SharedValues items_;
  int64_t index_ = -1;
  std::optional<Value> last_seen_;  ///< what changed() was last given
  bool kept_ = false;
};

}  // namespace lorica::jinja
