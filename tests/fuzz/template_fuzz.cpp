#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "io/chat_template/chat_template.h"
#include "kernels/error.h"

// Any bytes as a template: it renders or is refused with an Error, in bounded time and memory.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using nlohmann::ordered_json;
  static const ordered_json kMessages = {{{"role", "system"}, {"content", " be kind \n"}},
                                         {{"role", "user"}, {"content", "Grüße ✓ <b>"}},
                                         {{"role", "assistant"}, {"content", ""}, {"tool_calls", {{{"id", 1}}}}}};
  lorica::RenderOptions options;
  options.add_generation_prompt = true;
  options.bos_token = "<s>", options.eos_token = "</s>";
  options.now = std::tm{};
  options.now->tm_mday = 1;
  options.limits = {.steps = 20'000, .bytes = size_t{1} << 20};
  options.extra = std::make_shared<const ordered_json>(
      ordered_json{{"n", 7}, {"x", 2.5}, {"s", "Hello"}, {"l", {3, 1, 2}}, {"d", {{"a", nullptr}, {"b", true}}}});
  try {
    const lorica::ChatTemplate chat(std::string(reinterpret_cast<const char*>(data), size), "fuzz");
    chat.render_marked(kMessages, options);
  } catch (const lorica::Error&) {
  }
  return 0;
}
