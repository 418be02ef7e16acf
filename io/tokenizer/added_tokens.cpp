#include "io/tokenizer/added_tokens.h"

#include <algorithm>
#include <limits>

#include "io/tokenizer/utf8.h"
#include "kernels/error.h"

namespace lorica {
namespace {

AddedToken read_token(const JsonNode& node, const Normalizer* normalizer) {
  node.allow_only({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
  AddedToken token;
  token.content = node.at("content").string();
  token.single_word = node.at("single_word").boolean();
  token.lstrip = node.at("lstrip").boolean();
  token.rstrip = node.at("rstrip").boolean();
  token.normalized = node.at("normalized").boolean();
  token.special = node.at("special").boolean();
  token.normalized_content = token.content;
  MatchMemory memory;
  if (token.normalized && normalizer) normalizer->apply(token.normalized_content, memory);
  return token;
}

bool touches_word(std::string_view text, size_t begin, size_t end) {
  return (begin > 0 && utf8::is_word(utf8::before(text, begin))) ||
         (end < text.size() && utf8::is_word(utf8::decode(text, end).character));
}

}  // namespace

AddedTokens::AddedTokens(const JsonNode& node, const Vocabulary& vocabulary, const Normalizer* normalizer) {
  int32_t next = vocabulary.tokens();
  node.each([&](const JsonNode& element) {
    AddedToken token = read_token(element, normalizer);
    if (token.content.empty()) return;  // as the tokenizers package does
    const JsonNode declared = element.at("id");
    const auto known = id_of(token.content);
    const auto in_model = vocabulary.id_of(token.content);
    const int32_t id = known ? *known : in_model ? *in_model : next++;
    if (declared.count(std::numeric_limits<int32_t>::max() - 1) != id)
      declared.fail(
          fmt::format("'{}' would be given id {}; renumbered tokenizers are not supported", token.content, id));
    if (token.special) special_.insert(token.content);
    ids_[token.content] = id;
    end_ = std::max(end_, id + 1);
    by_id_[id] = std::move(token);
  });
  for (const auto& [id, token] : by_id_) {
    const std::string& wanted = token.normalized ? token.normalized_content : token.content;
    if (wanted.empty()) node.fail(fmt::format("'{}' is empty after normalisation", token.content));
    if (!(token.normalized ? normalized_ : raw_).add(wanted, id))
      node.fail(fmt::format("'{}' is the same as another token after normalisation", token.content));
  }
}

std::optional<int32_t> AddedTokens::id_of(std::string_view content) const {
  const auto found = ids_.find(std::string(content));
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

void AddedTokens::cut(std::string_view text, bool normalized, FragmentSink sink) const {
  const TokenTrie& trie = normalized ? normalized_ : raw_;
  size_t done = 0;  // the text before this has been passed on
  TokenTrie::Match match;
  for (size_t from = 0; trie.find(text, from, match); from = match.end) {
    const AddedToken& token = by_id_.at(match.value);
    if (token.single_word && touches_word(text, match.begin, match.end)) continue;
    const size_t begin = token.lstrip ? std::max(utf8::skip_space_left(text, match.begin), done) : match.begin;
    if (done < begin) sink(text.substr(done, begin - done), -1);
    sink({}, match.value);
    // The search goes on behind the match itself: white space that was taken along may begin another token.
    done = token.rstrip ? utf8::skip_space_right(text, match.end) : match.end;
  }
  if (done < text.size()) sink(text.substr(done), -1);
}

}  // namespace lorica
