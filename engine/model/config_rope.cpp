#include <algorithm>
#include <cmath>

#include "engine/model/config_families.h"

namespace lorica {
namespace {

using Type = RopeConfig::Type;

Type type_named(const ConfigReader& config, const std::string& name) {
  if (name == "default") return Type::kDefault;
  if (name == "linear") return Type::kLinear;
  if (name == "dynamic") return Type::kDynamic;
  if (name == "llama3") return Type::kLlama3;
  if (name == "yarn") return Type::kYarn;
  if (name == "longrope" || name == "su") return Type::kLongrope;  // Phi-3's first files say su
  throw Error("{}: rope_type '{}' is not supported (default, linear, dynamic, llama3, yarn, longrope are)",
              config.origin(), name);
}

void expect(const ConfigReader& config, bool good, const char* name, double value) {
  if (!good) throw Error("{}: {}: value out of range: {}", config.origin(), name, value);
}

void read_yarn(ConfigReader& config, int64_t max_positions, RopeConfig& rope) {
  rope.factor = config.get<double>("factor", static_cast<double>(max_positions) / rope.original_max_positions);
  rope.beta_fast = config.get<double>("beta_fast", 32.0);
  rope.beta_slow = config.get<double>("beta_slow", 1.0);
  rope.truncate = config.get<bool>("truncate", true);
  expect(config, rope.beta_slow > 0, "beta_slow", rope.beta_slow);
  expect(config, rope.beta_fast >= rope.beta_slow, "beta_fast", rope.beta_fast);
  const auto magnitude = [&](double weight) {
    return rope.factor <= 1 ? 1.0 : 0.1 * weight * std::log(rope.factor) + 1.0;
  };
  const double mscale = config.get<double>("mscale", 0.0), all_dim = config.get<double>("mscale_all_dim", 0.0);
  rope.attention_factor = mscale != 0 && all_dim != 0 ? magnitude(mscale) / magnitude(all_dim) : magnitude(1);
  rope.attention_factor = config.get<double>("attention_factor", rope.attention_factor);
}

void read_longrope(ConfigReader& config, int64_t max_positions, RopeConfig& rope) {
  rope.short_factors = config.get<std::vector<double>>("short_factor");
  rope.long_factors = config.get<std::vector<double>>("long_factor");
  rope.factor = config.get<double>("factor", static_cast<double>(max_positions) / rope.original_max_positions);
  if (rope.factor > 1)
    rope.attention_factor = std::sqrt(1 + std::log(rope.factor) / std::log(rope.original_max_positions));
  rope.attention_factor = config.get<double>("attention_factor", rope.attention_factor);
  for (const auto* factors : {&rope.short_factors, &rope.long_factors})
    for (double factor : *factors)
      expect(config, factor > 0, factors == &rope.short_factors ? "short_factor" : "long_factor", factor);
}

/// One object of rope parameters; keys beside it (rope_theta, ...) were read before.
void read_rope_parameters(ConfigReader& config, int64_t max_positions, RopeConfig& rope) {
  rope.theta = config.get<double>("rope_theta", rope.theta);
  rope.rotary_share = config.get<double>("partial_rotary_factor", rope.rotary_share);
  const std::string type =
      config.has("rope_type") ? config.get<std::string>("rope_type") : config.get<std::string>("type", "default");
  config.ignore({"type"});
  rope.type = type_named(config, type);
  if (rope.type == Type::kDynamic) rope.original_max_positions = static_cast<double>(max_positions);
  if (rope.type == Type::kLlama3 || rope.type == Type::kYarn || rope.type == Type::kLongrope) {
    // a config's own key (Phi-3) goes before the one in here
    const auto inner = config.get<double>("original_max_position_embeddings", static_cast<double>(max_positions));
    if (rope.original_max_positions == 0) rope.original_max_positions = inner;
    expect(config, rope.original_max_positions > 1, "original_max_position_embeddings", rope.original_max_positions);
  }
  if (rope.type == Type::kLinear || rope.type == Type::kDynamic || rope.type == Type::kLlama3)
    rope.factor = config.get<double>("factor");
  if (rope.type == Type::kLlama3) {
    rope.low_freq_factor = config.get<double>("low_freq_factor");
    rope.high_freq_factor = config.get<double>("high_freq_factor");
    expect(config, rope.low_freq_factor > 0, "low_freq_factor", rope.low_freq_factor);
    expect(config, rope.high_freq_factor > rope.low_freq_factor, "high_freq_factor", rope.high_freq_factor);
  }
  if (rope.type == Type::kYarn) read_yarn(config, max_positions, rope);
  if (rope.type == Type::kLongrope) read_longrope(config, max_positions, rope);
  expect(config, rope.theta > 1, "rope_theta", rope.theta);
  expect(config, rope.rotary_share > 0 && rope.rotary_share <= 1, "partial_rotary_factor", rope.rotary_share);
  expect(config, rope.factor > 0, "factor", rope.factor);
  expect(config, rope.attention_factor > 0, "attention_factor", rope.attention_factor);
  config.refuse_unknown("rope_type " + type);
}

}  // namespace

RopeConfig read_rope(ConfigReader& config, int64_t max_positions, int64_t head_dim, const char* layer_type) {
  RopeConfig rope;
  rope.theta = config.get<double>("rope_theta", 10000.0);
  rope.rotary_share = config.get<double>("partial_rotary_factor", 1.0);
  rope.original_max_positions = config.get<double>("original_max_position_embeddings", 0.0);
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (!config.has(key)) continue;
    const nlohmann::json* object = &config.at(key);
    std::string place = config.origin() + ": " + key;
    if (!object->is_object()) throw Error("{}: expected an object", place);
    const bool by_layer = object->contains("full_attention") || object->contains("sliding_attention");
    if (by_layer) {
      if (*layer_type == '\0') throw Error("{}: parameters by layer type are not known for this model_type", place);
      if (!object->contains(layer_type)) throw Error("{}: missing key '{}'", place, layer_type);
      place += std::string(".") + layer_type;
      object = &object->at(layer_type);
      if (!object->is_object()) throw Error("{}: expected an object", place);
    }
    ConfigReader inner(*object, place);
    read_rope_parameters(inner, max_positions, rope);
  }
  expect(config, rope.theta > 1, "rope_theta", rope.theta);
  expect(config, rope.rotary_share > 0 && rope.rotary_share <= 1, "partial_rotary_factor", rope.rotary_share);
  const auto pairs = static_cast<size_t>(rope.pairs(head_dim));
  if (pairs == 0 || 2 * rope.pairs(head_dim) > head_dim)
    throw Error("{}: cannot rotate a share of {} of a head width of {}", config.origin(), rope.rotary_share, head_dim);
  if (rope.type == Type::kLongrope && (rope.short_factors.size() != pairs || rope.long_factors.size() != pairs))
    throw Error("{}: short_factor and long_factor: expected {} values, got {} and {}", config.origin(), pairs,
                rope.short_factors.size(), rope.long_factors.size());
  return rope;
}

}  // namespace lorica
