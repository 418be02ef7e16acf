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

void load_floats(const In& from, const Tensor& to, const std::string& what) {
  if (to.on_host()) return convert_floats(from, to, what);
  if (from.dtype == to.dtype()) return to.copy_in(from.data);
  std::vector<std::byte> converted(static_cast<size_t>(to.bytes()));
  convert_floats(from, {converted.data(), to.shape(), to.dtype()}, what);
  to.copy_in(converted.data());
}

}  // namespace lorica
