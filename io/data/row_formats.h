#pragma once
#include <string>
#include <vector>

#include "io/data/row_parts.h"

namespace lorica {

/// `source` with a format and its columns settled by a file's first row: what is given stays, the rest takes the usual
/// names. Throws Fault where no format fits the columns.
DataSource settle_format(const DataSource& source, const Json& first);

/// The columns that a row must have; `source` is settled.
std::vector<std::string> needed_columns(const DataSource& source);

// One function a format: makes the row of a record, an object with a member a column. `source` is settled. They throw
// Fault where the record is not of the format.
void fill_chat(Row& row, const Json& record, const DataSource& source);
void fill_sharegpt(Row& row, const Json& record, const DataSource& source);
void fill_alpaca(Row& row, const Json& record, const DataSource& source);
void fill_prompt_response(Row& row, const Json& record, const DataSource& source);
void fill_preference(Row& row, const Json& record, const DataSource& source);
void fill_text(Row& row, const Json& record, const DataSource& source);
void fill_classification(Row& row, const Json& record, const DataSource& source);

/// Instruction and input, a line end between them where both are there.
std::string alpaca_prompt(const Json& record, const std::string& instruction_column);

/// The messages of a list in ShareGPT's form, from and value.
Json sharegpt_messages(const Json& turns);
/// The messages of a list in OpenAI's form, role and content.
Json chat_messages(const Json& turns);
/// The messages of a list in either form.
Json any_messages(const Json& turns);
/// Whether `value` is a list whose first item is an object with the member `key`.
bool is_list_with(const Json* value, const char* key);

}  // namespace lorica
