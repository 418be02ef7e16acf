#include "io/chat_template/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "io/chat_template/expression_parser.h"
#include "io/chat_template/python_text.h"
#include "io/chat_template/turns.h"

namespace lorica::jinja {

namespace {

using Names = std::vector<std::string>;

class Parser {
 public:
  explicit Parser(std::string_view source) : tokens_(tokenize(source)), expressions_(tokens_) {
    expressions_.on_name = [this](const std::string& name) {
      for (MacroBody* macro : macros_) {
        macro->uses_varargs |= name == "varargs";
        macro->uses_kwargs |= name == "kwargs";
        macro->uses_caller |= name == "caller";
      }
    };
  }

  Template run() {
    result_.body = block({});
    if (!expressions_.unknown.empty()) throw Failure(expressions_.unknown[0].message, expressions_.unknown[0].line);
    return std::move(result_);
  }

 private:
  /// Sets a member for as long as it lives.
  template <class T>
  class Change {
   public:
    Change(T& variable, T value) : variable_(variable), before_(std::exchange(variable, value)) {}
    ~Change() { variable_ = before_; }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

   private:
    T& variable_;
    T before_;
  };

  /// Statements up to one of the closing tags, which is left as the current token; up to the end when there are none.
  Block block(const Names& ends) {
    Block result;
    while (!tokens_.is(TokenType::end)) {
      const int line = tokens_.line();
      if (tokens_.is(TokenType::data)) {
        result.push_back(make(line, TextOut{tokens_.next().text}));
      } else if (tokens_.is(TokenType::variable_begin)) {
        tokens_.next();
        Print print;
        print.values.push_back(expressions_.tuple());
        tokens_.expect(TokenType::variable_end);
        result.push_back(make(line, std::move(print)));
      } else {
        tokens_.expect(TokenType::block_begin);
        if (tokens_.is(TokenType::name) && std::find(ends.begin(), ends.end(), tokens_.current().text) != ends.end()) {
          return result;
        }
        result.push_back(statement());
        tokens_.expect(TokenType::block_end);
      }
    }
    if (!ends.empty()) fail_open("Unexpected end of template.", "");
    return result;
  }

  /// The body of a tag up to its closing tag, which is read too.
  Block body(const Names& ends) {
    tokens_.skip_op(":");
    tokens_.expect(TokenType::block_end);
    ends_.push_back(ends);
    Block result = block(ends);
    ends_.pop_back();
    return result;
  }

  Block closed_body(const char* end) {
    Block result = body({end});
    tokens_.next();
    return result;
  }

  template <class Node>
  static std::unique_ptr<const Statement> make(int line, Node node) {
    return std::make_unique<const Statement>(Statement{line, std::move(node)});
  }

  std::unique_ptr<const Statement> statement() {
    if (!tokens_.is(TokenType::name)) throw Failure("tag name expected", tokens_.line());
    const ExpressionParser::Level level(expressions_);
    const Token tag = tokens_.current();
    tags_.push_back(tag.text);
    auto result = dispatch(tag);
    tags_.pop_back();
    return result;
  }

  std::unique_ptr<const Statement> dispatch(const Token& tag) {
    const std::string& name = tag.text;
    if (name == "if") return make(tag.line, if_statement());
    if (name == "for") return make(tag.line, for_statement());
    if (name == "set") return set_statement(tag.line);
    if (name == "macro") return make(tag.line, MacroDefinition{macro()});
    if (name == "call") return make(tag.line, call_block());
    if (name == "filter") return make(tag.line, filter_block());
    if (name == "with") return make(tag.line, with_block());
    if (name == "generation") return make(tag.line, generation());
    if (name == "print") return make(tag.line, print());
    if (name == "break" || name == "continue") return loop_control(tag);
    if (name == "block") return make(tag.line, named_block());
    for (const char* other : {"extends", "include", "import", "from"}) {
      if (name == other) {
        throw Failure(fmt::format("'{}' needs other templates; a chat template stands alone", name), tag.line);
      }
    }
    if (name == "autoescape") throw Failure("'autoescape' is not part of this template language", tag.line);
    tags_.pop_back();
    fail_open(fmt::format("Encountered unknown tag '{}'.", name), name);
  }

  /// A tag that does not belong here, or the end of the template inside a tag's body.
  [[noreturn]] void fail_open(std::string message, const std::string& tag) const {
    if (!ends_.empty()) {
      std::string wanted;
      for (const std::string& end : ends_.back()) wanted += (wanted.empty() ? "" : " or ") + text_repr(end);
      const bool known = std::any_of(ends_.begin(), ends_.end(), [&](const Names& ends) {
        return std::find(ends.begin(), ends.end(), tag) != ends.end();
      });
      message += known ? " You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for "
                       : " Jinja was looking for the following tags: ";
      message += wanted + ".";
    }
    if (!tags_.empty()) message += fmt::format(" The innermost block that needs to be closed is '{}'.", tags_.back());
    throw Failure(message, tokens_.line());
  }

  If if_statement() {
    const Change soft(expressions_.conditional_context, true);
    If result;
    tokens_.next();
    while (true) {
      ExprPtr test = expressions_.tuple(false);
      Block then = body({"elif", "else", "endif"});
      result.branches.emplace_back(std::move(test), std::move(then));
      const bool more = tokens_.is_name("elif"), otherwise = tokens_.is_name("else");
      tokens_.next();
      if (more) continue;
      if (otherwise) result.otherwise = closed_body("endif");
      return result;
    }
  }

  For for_statement() {
    tokens_.next();
    For result;
    const Change loops(loops_, loops_ + 1);
    result.target = target(false, "in");
    tokens_.expect_name("in");
    result.iterable = expressions_.tuple(false, "recursive");
    const Change hard(expressions_.conditional_context, false);
    if (tokens_.skip_name("if")) result.test = expressions_.expression();
    result.recursive = tokens_.skip_name("recursive");
    {
      const Change enclosing(for_depth_, for_depth_ + 1);
      result.body = body({"endfor", "else"});
    }
    const Change reachable(for_depth_, result.recursive ? 0 : for_depth_);
    if (tokens_.next().text == "else") result.otherwise = closed_body("endfor");
    return result;
  }

  NamedBlock named_block() {
    tokens_.next();
    const Token name = tokens_.expect(TokenType::name);
    if (!block_names_.insert(name.text).second)
      throw Failure(fmt::format("block {} defined twice", text_repr(name.text)), name.line);
    NamedBlock result{tokens_.skip_name("scoped"), {}};
    if (tokens_.is_name("required"))
      throw Failure(fmt::format("Required block {} not found", text_repr(name.text)), name.line);
    if (tokens_.is_op("-"))
      throw Failure(
          "Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an "
          "underscore instead.",
          name.line);
    const Change hard(expressions_.conditional_context, false);
    const Change outside_loops(for_depth_, 0);
    result.body = closed_body("endblock");
    tokens_.skip_name(name.text);
    return result;
  }

  std::unique_ptr<const Statement> loop_control(const Token& tag) {
    tokens_.next();
    if (for_depth_ == 0) throw Failure(fmt::format("'{}' outside loop", tag.text), tag.line);
    return tag.text == "break" ? make(tag.line, Break{}) : make(tag.line, Continue{});
  }

  std::unique_ptr<const Statement> set_statement(int line) {
    tokens_.next();
    Target to = target(true, {});
    if (tokens_.skip_op("=")) return make(line, Set{std::move(to), expressions_.tuple()});
    const Change hard(expressions_.conditional_context, false);
    ExprPtr filter = expressions_.filters(nullptr, false);
    return make(line, SetBlock{std::move(to), std::move(filter), closed_body("endset")});
  }

  /// One or more targets separated by commas, up to '=', the end of the tag or the given name.
  Target target(bool with_namespace, ExpressionParser::EndName end) {
    Target result{tokens_.line(), "", "", {}, false};
    const auto at_end = [&] {
      return tokens_.is(TokenType::block_end) || tokens_.is(TokenType::variable_end) || tokens_.is_op(")") ||
             (!end.empty() && tokens_.is_name(end));
    };
    while (!at_end()) {
      result.parts.push_back(one_target(with_namespace));
      if (!tokens_.skip_op(",")) break;
      result.is_tuple = true;
    }
    if (result.parts.empty()) {
      throw Failure(fmt::format("Expected an expression, got {}", text_repr(describe(tokens_.current()))),
                    tokens_.line());
    }
    if (result.is_tuple) return result;
    Target only = std::move(result.parts[0]);
    return only;
  }

  Target one_target(bool with_namespace) {
    const Token token = tokens_.current();
    if (tokens_.skip_op("(")) {
      const ExpressionParser::Level level(expressions_);
      Target inner = target(with_namespace, {});
      tokens_.expect_op(")");
      return inner;
    }
    const bool constant = token.type == TokenType::name && is_constant(token.text);
    if (constant || token.type == TokenType::string || token.type == TokenType::integer ||
        token.type == TokenType::real) {
      throw Failure("can't assign to 'const'", token.line);
    }
    if (token.type != TokenType::name) {
      if (token.text == "[" || token.text == "{") {
        throw Failure(fmt::format("can't assign to '{}'", token.text == "[" ? "list" : "dict"), token.line);
      }
      throw Failure(fmt::format("unexpected {}", text_repr(describe(token))), token.line);
    }
    Target result{token.line, tokens_.next().text, "", {}, false};
    if (with_namespace && tokens_.skip_op(".")) {
      result.attribute = tokens_.expect(TokenType::name).text;
    } else if (result.name == "loop" && loops_ > 0) {
      throw Failure("Can't assign to special loop variable in for-loop target", token.line);
    }
    return result;
  }

  static bool is_constant(const std::string& name) {
    return name == "true" || name == "True" || name == "false" || name == "False" || name == "none" || name == "None";
  }

  std::string plain_name() {
    const Token token = tokens_.expect(TokenType::name);
    if (is_constant(token.text)) throw Failure("can't assign to 'name'", token.line);
    return token.text;
  }

  void signature(MacroBody& macro) {
    tokens_.expect_op("(");
    while (!tokens_.is_op(")")) {
      if (!macro.parameters.empty()) tokens_.expect_op(",");
      std::string name = plain_name();
      if (std::find(macro.parameters.begin(), macro.parameters.end(), name) != macro.parameters.end()) {
        throw Failure(fmt::format("duplicate argument '{}' in a macro", name), tokens_.line());
      }
      macro.parameters.push_back(std::move(name));
      if (tokens_.skip_op("=")) {
        macro.defaults.push_back(expressions_.expression());
      } else if (!macro.defaults.empty()) {
        throw Failure("non-default argument follows default argument", tokens_.line());
      }
    }
    tokens_.expect_op(")");
  }

  void macro_body(MacroBody& macro, const char* end) {
    const Change hard(expressions_.conditional_context, false);
    const Change outside_loops(for_depth_, 0);
    macros_.push_back(&macro);
    macro.body = closed_body(end);
    macros_.pop_back();
    // A parameter of that name is an ordinary one.
    for (const std::string& name : macro.parameters) {
      if (name == "varargs") macro.uses_varargs = false;
      if (name == "kwargs") macro.uses_kwargs = false;
      if (name == "caller") macro.uses_caller = false;
    }
  }

  std::unique_ptr<const MacroBody> macro() {
    tokens_.next();
    auto result = std::make_unique<MacroBody>();
    result->name = plain_name();
    signature(*result);
    macro_body(*result, "endmacro");
    return result;
  }

  CallBlock call_block() {
    const int line = tokens_.next().line;
    auto caller = std::make_unique<MacroBody>();
    caller->name = "caller";
    if (tokens_.is_op("(")) signature(*caller);
    CallBlock result;
    result.call = expressions_.expression();
    if (std::get_if<Call>(&result.call->node) == nullptr) throw Failure("expected call", line);
    macro_body(*caller, "endcall");
    result.caller = std::move(caller);
    return result;
  }

  FilterBlock filter_block() {
    tokens_.next();
    const Change hard(expressions_.conditional_context, false);
    FilterBlock result;
    result.filter = expressions_.filters(nullptr, true);
    result.body = closed_body("endfilter");
    return result;
  }

  With with_block() {
    tokens_.next();
    With result;
    while (!tokens_.is(TokenType::block_end)) {
      if (!result.variables.empty()) tokens_.expect_op(",");
      Target to = one_target(false);
      tokens_.expect_op("=");
      result.variables.emplace_back(std::move(to), expressions_.expression());
    }
    const Change hard(expressions_.conditional_context, false);
    result.body = closed_body("endwith");
    return result;
  }

  Generation generation() {
    tokens_.next();
    result_.has_generation = true;
    const Change hard(expressions_.conditional_context, false);
    const Change outside_loops(for_depth_, 0);
    return Generation{closed_body("endgeneration")};
  }

  Print print() {
    tokens_.next();
    Print result;
    while (!tokens_.is(TokenType::block_end)) {
      if (!result.values.empty()) tokens_.expect_op(",");
      result.values.push_back(expressions_.expression());
    }
    return result;
  }

  TokenStream tokens_;
  ExpressionParser expressions_;
  Template result_;
  std::vector<Names> ends_;  ///< closing tags that the open bodies wait for
  Names tags_;               ///< open tags
  std::vector<MacroBody*> macros_;
  std::set<std::string> block_names_;
  int loops_ = 0;      ///< enclosing loops, macros in between or not
  int for_depth_ = 0;  ///< enclosing loops that break and continue can reach
};

}  // namespace

Template parse(std::string_view source) {
  Template result = Parser(source).run();
  result.turn_loop = find_turn_loop(result.body, result.turn_loop_index);
  return result;
}

}  // namespace lorica::jinja
