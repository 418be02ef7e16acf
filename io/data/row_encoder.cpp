#include "io/data/row_encoder.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/chat_template/chat_template.h"
#include "io/data/loaded_text.h"
#include "io/formats/content_hash.h"
#include "io/formats/file_bytes.h"
#include "kernels/error.h"

namespace lorica {
namespace {

size_t bytes_of(const nlohmann::ordered_json& value) {
  size_t bytes = 64;
  if (value.is_string()) return bytes + value.get_ref<const std::string&>().size();
  if (value.is_structured()) {
    for (const auto& part : value) bytes += bytes_of(part);
  }
  return bytes;
}

}  // namespace

RowEncoder::RowEncoder(const std::vector<DataSource>& sources, const TextModel& model, int64_t max_tokens)
    : max_tokens_(max_tokens), model_encoder_(std::make_unique<const ConversationEncoder>(model)) {
  for (const DataSource& source : sources) {
    if (source.chat_template.empty()) {
      const bool chats = source.format == DataFormat::kChat || source.format == DataFormat::kShareGpt;
      if (chats && model.chat == nullptr) {
        throw Error("format chat: the model has no chat template; name one, or use format prompt_response");
      }
      encoders_.push_back(model_encoder_.get());
      continue;
    }
    OwnTemplate& own = own_[source.chat_template];
    if (!own.encoder) {
      own.chat =
          chat_renderer({std::make_shared<const ChatTemplate>(read_file(source.chat_template), source.chat_template),
                         model.bos_token, model.eos_token});
      TextModel with_own = model;
      with_own.chat = own.chat.get();
      own.encoder = std::make_unique<const ConversationEncoder>(with_own);
    }
    encoders_.push_back(own.encoder.get());
  }
}

EncodedConversation RowEncoder::encode_with(const ConversationEncoder& encoder, const Row& row) const {
  if (!row.label.empty()) return encoder.encode_input(row.text, max_tokens_);
  return row.is_text ? encoder.encode_text(row.text) : encoder.encode(*row.messages, row.tools);
}

EncodedRow RowEncoder::encode(Row&& row, size_t source) const {
  EncodedRow result;
  result.is_row = row.line > 0 && std::none_of(row.notes.begin(), row.notes.end(),
                                               [](const Note& note) { return spoils_file(note.check); });
  result.usable = row.messages || row.is_text;
  result.is_text = row.is_text;
  EncodedConversation encoded;
  if (result.usable) encoded = encode_with(*encoders_[source], row);
  if (!encoded.text.empty()) {
    const std::string_view text = encoded.text;
    // 0 says that there is none.
    result.whole_hash = std::max<uint64_t>(hash_of_text(text), 1);
    if (!row.is_text) result.prompt_hash = std::max<uint64_t>(hash_of_text(text.substr(0, encoded.prompt_end)), 1);
  }
  result.notes = std::move(row.notes);
  std::move(encoded.notes.begin(), encoded.notes.end(), std::back_inserter(result.notes));
  result.whole_tokens = encoded.whole_tokens;
  result.label = std::move(row.label);
  result.example = {.ids = std::move(encoded.ids),
                    .trained = std::move(encoded.trained),
                    .file = std::move(row.file),
                    .line = row.line,
                    .slice = std::move(row.slice),
                    .source = static_cast<int32_t>(source)};
  return result;
}

size_t bytes_of(const Row& row) {
  return sizeof row + row.text.size() + (row.messages ? bytes_of(*row.messages) : 0) +
         (row.tools ? bytes_of(*row.tools) : 0);
}

}  // namespace lorica
