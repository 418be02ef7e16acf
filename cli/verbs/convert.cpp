#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "cli/verbs.h"
#include "io/formats/gguf_convert.h"

namespace lorica::cli {
namespace {

struct Options {
  std::string from, to, dtype = "auto";
  bool overwrite = false;
};

void convert(const Options& options) {
  GgufConversion conversion{
      .from = options.from, .to = options.to, .dtype = std::nullopt, .overwrite = options.overwrite};
  for (const Dtype dtype : {Dtype::f32, Dtype::bf16, Dtype::f16})
    if (options.dtype == name_of(dtype)) conversion.dtype = dtype;
  const GgufConversionResult result = convert_gguf(conversion);
  fmt::print("{}: {} model, {} tensors, {} parameters, {}\n", options.to, result.architecture, result.tensors,
             result.parameters, name_of(result.dtype));
}

}  // namespace

void add_convert(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("convert", "Turn a GGUF model into a Hugging Face model folder");
  verb->add_option("MODEL", options->from, "the GGUF file (architecture llama, qwen2 or qwen3)")->required();
  verb->add_option("OUT_DIR", options->to, "the folder to write; it must be new or empty")->required();
  verb->add_option("--dtype", options->dtype,
                   "dtype of the weights; auto: f32 when the source is quantised, else the source's own type")
      ->check(CLI::IsMember({"auto", "f32", "bf16", "f16"}))
      ->capture_default_str();
  verb->add_flag("--overwrite", options->overwrite, "write into a folder that is not empty");
  verb->footer("Example:\n  lorica convert SmolLM2-135M-Instruct.Q4_1.gguf smollm2 --dtype f32");
  verb->callback([options] { convert(*options); });
}

}  // namespace lorica::cli
