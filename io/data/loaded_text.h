#pragma once
#include <memory>

#include "io/chat_template/chat_template.h"
#include "io/data/text_model.h"
#include "io/tokenizer/tokenizer.h"

namespace lorica {

/// A tokenizer as the functions of io/data take it.
std::unique_ptr<const TextTokenizer> text_tokenizer(std::shared_ptr<const Tokenizer> tokenizer);

/// A chat template as the functions of io/data take it. A template that prints today's date gets 26 July 2024, the date
/// that Llama's templates name where they are given none: the same data are the same tokens on every day.
std::unique_ptr<const ChatRenderer> chat_renderer(const ModelTemplate& chat_template);

/// The text side of a model, from its tokenizer and, where it has one, its chat template.
class LoadedText {
 public:
  /// `chat_template.chat` may be null.
  LoadedText(std::shared_ptr<const Tokenizer> tokenizer, const ModelTemplate& chat_template);
  LoadedText(const LoadedText&) = delete;
  LoadedText& operator=(const LoadedText&) = delete;

  /// What inspect_data(), load_data(), lint_data() and preview_data() take; valid for as long as this object is.
  const TextModel& model() const { return model_; }

 private:
  std::unique_ptr<const TextTokenizer> tokenizer_;
  std::unique_ptr<const ChatRenderer> chat_;
  TextModel model_;
};

}  // namespace lorica
