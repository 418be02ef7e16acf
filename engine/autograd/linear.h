#pragma once
#include "engine/autograd/functions.h"

namespace lorica {

/// The weight for a product with x: packed, plain, or (a trained f32 weight under bf16 activations) rounded anew, in
/// which case `rounded` keeps the copy alive.
WeightIn weight_for(Tape& tape, const LinearWeight& weight, const PackedWeight* packed, Dtype dtype, Tensor& rounded);

}  // namespace lorica
