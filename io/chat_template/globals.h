#pragma once
#include <string>
#include <utility>
#include <vector>

#include "io/chat_template/runtime.h"

namespace lorica::jinja {

/// namespace(...): the one thing that a template can write attributes of.
class Namespace : public MutableObject {
 public:
  std::string_view type_name() const override { return "Namespace"; }
  std::string repr(Budget& budget, int nesting) const override;
  std::optional<Value> attribute(const std::string& name) override;
  void clear() override { items_.pairs.clear(); }
  /// Throws Failure for a name that begins with an underscore.
  void set(const std::string& name, Value value);

 private:
  DictItems items_;
};

/// range, dict, namespace, cycler, joiner, raise_exception and strftime_now.
std::vector<std::pair<std::string, Value>> global_functions();

}  // namespace lorica::jinja
