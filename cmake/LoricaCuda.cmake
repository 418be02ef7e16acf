# CUDA, where it is wanted and there. LORICA_CUDA: AUTO takes it if nvcc is found, ON insists, OFF leaves it out.
set(LORICA_CUDA AUTO CACHE STRING "CUDA backend: AUTO, ON or OFF")
set_property(CACHE LORICA_CUDA PROPERTY STRINGS AUTO ON OFF)

set(LORICA_HAS_CUDA OFF)
if(NOT LORICA_CUDA STREQUAL "OFF")
  if(NOT CMAKE_CUDA_COMPILER AND EXISTS /usr/local/cuda/bin/nvcc)
    set(CMAKE_CUDA_COMPILER /usr/local/cuda/bin/nvcc)
  endif()
  set(CMAKE_CUDA_ARCHITECTURES OFF)  # the -gencode lines below say it all
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    # CMake 3.25 does not know these of nvcc 13.
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    find_package(CUDAToolkit REQUIRED)
    set(LORICA_HAS_CUDA ON)
  elseif(LORICA_CUDA STREQUAL "ON")
    message(FATAL_ERROR "LORICA_CUDA=ON, but no nvcc was found; put it on the PATH or set CMAKE_CUDA_COMPILER")
  endif()
endif()
message(STATUS "CUDA backend: ${LORICA_HAS_CUDA}")

# cuDNN's attention is compiled where its headers are: those of the library, of the toolkit or of Python's nvidia packages,
# and the frontend's, of the Python package nvidia-cudnn-frontend. The library itself is loaded at run time.
option(LORICA_CUDNN "cuDNN's attention, where its headers are found" ON)
set(LORICA_HAS_CUDNN OFF)
if(LORICA_HAS_CUDA AND LORICA_CUDNN)
  execute_process(COMMAND python3 -c "import sys; print(';'.join(sys.path))" OUTPUT_VARIABLE python_folders
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  find_path(CUDNN_INCLUDE_DIR cudnn_version.h HINTS ${CUDAToolkit_INCLUDE_DIRS} PATHS ${python_folders}
            PATH_SUFFIXES nvidia/cudnn/include)
  find_path(CUDNN_FRONTEND_INCLUDE_DIR cudnn_frontend.h PATHS ${CMAKE_SOURCE_DIR}/build/cudnn_frontend ${python_folders}
            PATH_SUFFIXES include)
  if(CUDNN_INCLUDE_DIR AND CUDNN_FRONTEND_INCLUDE_DIR)
    file(STRINGS ${CUDNN_FRONTEND_INCLUDE_DIR}/cudnn_frontend_version.h version REGEX "define CUDNN_FRONTEND_M.*_VERSION")
    string(REGEX REPLACE "[^0-9]*([0-9]+)[^0-9]+([0-9]+).*" "\\1.\\2" version "${version}")
    if(version VERSION_GREATER_EQUAL 1.14)  # the first with everything that kernels/cuda/cudnn_attention.cpp calls
      set(LORICA_HAS_CUDNN ON)
    endif()
  endif()
endif()
message(STATUS "cuDNN's attention: ${LORICA_HAS_CUDNN}")

# Machine code for sm_80 (8.x runs it) and sm_90a; PTX of 80 for cards that came later.
set(LORICA_CUDA_OPTIONS
  "SHELL:-gencode arch=compute_80,code=[sm_80,compute_80]"
  "SHELL:-gencode arch=compute_90a,code=sm_90a"
  --expt-relaxed-constexpr -lineinfo "SHELL:-Xptxas -v"
  -DFMT_USE_CONSTEXPR=1  # fmt 9 switches it off under nvcc and then calls what is no longer constexpr
  "SHELL:-Xcompiler -Wall,-Wextra,-Werror" "SHELL:-Werror all-warnings")
if(LORICA_HAS_CUDA AND CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 12.9)
  list(APPEND LORICA_CUDA_OPTIONS --compress-mode=size)  # a seventh of the size, most of which is -lineinfo
endif()
if(CCACHE_PROGRAM AND NOT CMAKE_CUDA_COMPILER_LAUNCHER)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
