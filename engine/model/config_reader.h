#pragma once
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <type_traits>
#include <utility>

#include "kernels/error.h"

namespace lorica {

/// Reads keys of one config.json, remembers which were asked for, and refuses what is left over in the end.
class ConfigReader {
 public:
  ConfigReader(const nlohmann::json& object, std::string origin) : object_(object), origin_(std::move(origin)) {}

  bool has(const std::string& key) {
    seen_.insert(key);
    return object_.contains(key) && !object_.at(key).is_null();
  }

  template <class T>
  T get(const std::string& key) {
    if (!has(key)) throw Error("{}: missing key '{}'", origin_, key);
    return convert<T>(key);
  }
  template <class T>
  T get(const std::string& key, T fallback) {
    return has(key) ? convert<T>(key) : fallback;
  }
  int64_t positive(const std::string& key) {
    const auto value = get<int64_t>(key);
    if (value < 1 || value > (int64_t{1} << 40))
      throw Error("{}: {}: expected a positive integer, got {}", origin_, key, value);
    return value;
  }
  int64_t positive(const std::string& key, int64_t fallback) { return has(key) ? positive(key) : fallback; }

  /// The key may be absent; if present it must have this value, since no other is supported.
  template <class T>
  void only(const std::string& key, const T& supported) {
    if (has(key) && object_.at(key) != nlohmann::json(supported))
      throw Error("{}: {}: only {} is supported, got {}", origin_, key, nlohmann::json(supported).dump(),
                  object_.at(key).dump());
  }
  void ignore(std::initializer_list<const char*> keys) { seen_.insert(keys.begin(), keys.end()); }

  /// A key that nothing asked for may change the maths: refused unless it is switched off.
  void refuse_unknown(const std::string& family) const {
    for (const auto& [key, value] : object_.items()) {
      if (seen_.contains(key) || value.is_null() || value == nlohmann::json(false)) continue;
      throw Error("{}: {}: not known for model_type '{}' (value {}); remove the key if it does not change the maths",
                  origin_, key, family, value.dump());
    }
  }
  const nlohmann::json& at(const std::string& key) const { return object_.at(key); }
  const nlohmann::json& object() const { return object_; }
  const std::string& origin() const { return origin_; }

 private:
  template <class T>
  T convert(const std::string& key) const {
    try {
      const nlohmann::json& value = object_.at(key);
      const bool wrong = (std::is_same_v<T, bool> != value.is_boolean()) ||
                         (std::is_integral_v<T> && !std::is_same_v<T, bool> && !value.is_number_integer());
      if (!wrong) return value.get<T>();
    } catch (const nlohmann::json::exception&) {
    }
    throw Error("{}: {}: wrong type: {}", origin_, key, object_.at(key).dump());
  }

  const nlohmann::json& object_;
  std::string origin_;
  std::set<std::string> seen_;
};

}  // namespace lorica
