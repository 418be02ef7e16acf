#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lorica {

/// A tokenizer as a Hugging Face tokenizer.json describes it; gives the ids that the tokenizers package 0.23 gives.
/// A component that is not supported is an Error when the file is read. The file's truncation and padding are left to
/// the caller. All members are const and may be called from several threads at once.
class Tokenizer {
 public:
  /// Reads a tokenizer.json, or the one in a folder; where there is none, a SentencePiece tokenizer.model, with
  /// add_bos_token and add_eos_token of the tokenizer_config.json beside it. Throws Error naming the file and the
  /// field.
  static std::shared_ptr<const Tokenizer> load(const std::filesystem::path& folder_or_file);
  /// Reads the text of a tokenizer.json; `origin` is what messages call it.
  static std::shared_ptr<const Tokenizer> from_json(std::string_view json, const std::string& origin);
  /// Reads the bytes of a SentencePiece model. `add_bos`, `add_eos`: which special tokens go around a text; by default
  /// the beginning token for BPE, the end token for Unigram.
  static std::shared_ptr<const Tokenizer> from_sentencepiece(std::string_view bytes, const std::string& origin,
                                                             std::optional<bool> add_bos = std::nullopt,
                                                             std::optional<bool> add_eos = std::nullopt);
  ~Tokenizer();

  /// The ids of `text`. Special tokens that are written in the text are recognised always; those that the tokenizer
  /// puts around a text (beginning, end) are added only with `add_special_tokens`. Throws Error with the byte offset
  /// when `text` is not UTF-8.
  std::vector<int32_t> encode(std::string_view text, bool add_special_tokens = false) const;

  /// The text of `ids`; bytes that make no character become U+FFFD. Throws Error for an id without a token.
  std::string decode(std::span<const int32_t> ids, bool skip_special_tokens = false) const;

  /// The byte of `text` at which each of its tokens `ids` starts, where the tokens written one after the other are the
  /// text byte for byte, as those of a byte-level tokenizer are; else nothing.
  std::vector<size_t> starts(std::string_view text, std::span<const int32_t> ids) const;

  /// The id of a token in its raw vocabulary form ("Ġthe"), if there is one.
  std::optional<int32_t> id_of(std::string_view token) const;
  /// The raw vocabulary form of a token. Throws Error for an id without a token.
  std::string_view token_text(int32_t id) const;
  /// True for the tokens that decode() leaves out with skip_special_tokens. False for an id without a token.
  bool is_special(int32_t id) const;
  /// The highest id + 1, added tokens included.
  int32_t vocab_size() const;
  /// content_hash() of what the tokenizer was read from.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  friend class StreamDecoder;
  struct Parts;
  Tokenizer(std::unique_ptr<const Parts> parts, std::string fingerprint);
  std::unique_ptr<const Parts> parts_;
  const std::string fingerprint_;
};

/// Decodes ids one at a time. What push() and finish() return, joined, is what Tokenizer::decode() returns; no piece
/// ends inside a UTF-8 character. The tokenizer must outlive it.
class StreamDecoder {
 public:
  StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens);
  ~StreamDecoder();
  StreamDecoder(const StreamDecoder&) = delete;
  StreamDecoder& operator=(const StreamDecoder&) = delete;

  /// The text that is certain once `id` is known; often empty. Throws Error for an id without a token.
  std::string push(int32_t id);
  /// The text that was held back. Call once, at the end.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lorica
