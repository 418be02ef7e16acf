#include "engine/convert.h"

namespace lorica {
namespace {

template <class From, class To>
void convert(const In& from, const Out& to) {
  const From* x = from.as<From>();
  To* y = to.as<To>();
  const int64_t n = from.elements();
  for (int64_t i = 0; i < n; ++i) y[i] = To(static_cast<float>(x[i]));
}

}  // namespace

void convert_floats(const In& from, const Out& to, const std::string& what) {
  visit_float(to.dtype, [&]<class To>() {
    switch (from.dtype) {
      case Dtype::f64:
        return convert<double, To>(from, to);
      case Dtype::f32:
        return convert<float, To>(from, to);
      case Dtype::f16:
        return convert<f16, To>(from, to);
      case Dtype::bf16:
        return convert<bf16, To>(from, to);
      default:
        throw Error("{}: expected a floating-point tensor, got {}", what, name_of(from.dtype));
    }
  });
}

}  // namespace lorica
