#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace lorica {

struct HttpRequest {
  std::string url;
  std::string token;        ///< sent as a bearer token, to the first host only; empty: none
  int64_t resume_from = 0;  ///< asks for the bytes from here on
};

struct HttpResponse {
  long status = 0;                             ///< of the last response; 0: no response
  std::map<std::string, std::string> headers;  ///< of the last response, names in lower case
  std::string error;                           ///< why the transfer failed or ended early; empty: it did not
};

/// HTTP GET through libcurl, one connection kept open for what follows. Redirects are followed.
class Http {
 public:
  /// A transfer that stands still for so many seconds is given up.
  explicit Http(int stall_seconds);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  /// `sink` gets the body of a 200 or 206 response piece by piece and may return false to end the transfer; `started`
  /// is called once before, with the status.
  using Sink = std::function<bool(std::string_view piece)>;
  using Started = std::function<void(long status)>;
  HttpResponse get(const HttpRequest& request, const Sink& sink, const Started& started = {});

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace lorica
