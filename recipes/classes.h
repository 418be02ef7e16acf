#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "io/data/options.h"
#include "recipes/recipe.h"

namespace lorica {

/// The classes of a run of task seq_cls; none for a language model.
struct RunClasses {
  std::vector<std::string> labels;  ///< by class
  bool new_head = false;            ///< the model has no head for them yet
};

/// Labels of the adapter that is continued, else of the model where it is a classifier, else data.labels, else the
/// distinct labels of the training data. `model` is the folder. Throws Error where the task is not the model's, where
/// data.labels are not the model's labels, and for fewer than two labels.
RunClasses find_classes(const Recipe& recipe, const std::filesystem::path& model);

/// The recipe's data section with these labels.
DataOptions data_options(const Recipe& recipe, const RunClasses& classes);

/// A fresh head [classes, hidden]: normal with the spread of the model's fresh weights, by the seed.
std::vector<float> new_head(int64_t classes, int64_t hidden, float spread, uint64_t seed);

/// The name that Transformers gives the classifier of a model_type. Throws Error where it has none.
std::string classifier_architecture(const std::string& model_type);

}  // namespace lorica
