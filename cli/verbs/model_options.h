#pragma once
#include <memory>
#include <string>

#include "cli/verbs.h"
#include "recipes/generate.h"
#include "recipes/session.h"

namespace lorica::cli {

/// The options that every verb with a model in it shares.
struct ModelArguments {
  std::string model, adapter, chat_template, system_prompt;
  std::string device = "auto", attention = "auto", precision = "auto";

  SessionOptions session_options() const;
};
/// Their texts are names that enum_named() of DeviceChoice, AttentionKernel and Precision knows.
void add_device_option(CLI::App* verb, std::string& device);
void add_attention_option(CLI::App* verb, std::string& attention);
DeviceOptions device_options(const std::string& device, const std::string& attention);
void add_precision_option(CLI::App* verb, std::string& precision);
void add_model_options(CLI::App* verb, ModelArguments& arguments);

/// How answers are chosen: temperature, top-k, ... with their checks.
void add_sampling_options(CLI::App* verb, GenerateOptions& options);

}  // namespace lorica::cli
