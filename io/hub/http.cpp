#include "io/hub/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <mutex>

#include "kernels/error.h"

namespace lorica {
namespace {

/// What libcurl's callbacks see of one transfer.
struct Transfer {
  CURL* curl;
  HttpResponse* response;
  const Http::Sink* sink;
  const Http::Started* started;
  bool has_started = false;
};

size_t on_header(char* data, size_t, size_t bytes, void* user) {
  auto& response = *static_cast<Transfer*>(user)->response;
  const std::string_view line(data, bytes);
  if (line.starts_with("HTTP/")) response.headers.clear();  // a new response after a redirect
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return bytes;
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && std::isspace(static_cast<unsigned char>(value.front()))) value.remove_prefix(1);
  while (!value.empty() && std::isspace(static_cast<unsigned char>(value.back()))) value.remove_suffix(1);
  response.headers[name] = value;
  return bytes;
}

size_t on_body(char* data, size_t, size_t bytes, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  long status = 0;
  curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200 && status != 206) return bytes;  // an error's or a redirect's page
  if (!transfer.has_started && *transfer.started) (*transfer.started)(status);
  transfer.has_started = true;
  return (*transfer.sink)({data, bytes}) ? bytes : 0;
}

}  // namespace

struct Http::Handle {
  CURL* curl = nullptr;
  char error[CURL_ERROR_SIZE] = {};
};

Http::Http(int stall_seconds) : handle_(std::make_unique<Handle>()) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  CURL* const curl = handle_->curl = curl_easy_init();
  if (!curl) throw RunError("libcurl: cannot start");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "lorica");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(stall_seconds));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(stall_seconds));
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, handle_->error);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
}

Http::~Http() { curl_easy_cleanup(handle_->curl); }

HttpResponse Http::get(const HttpRequest& request, const Sink& sink, const Started& started) {
  CURL* const curl = handle_->curl;
  HttpResponse response;
  Transfer transfer{curl, &response, &sink, &started};
  // libcurl drops the token by itself when a redirect leads to another host
  curl_easy_setopt(curl, CURLOPT_HTTPAUTH, request.token.empty() ? CURLAUTH_NONE : CURLAUTH_BEARER);
  curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, request.token.empty() ? nullptr : request.token.c_str());
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  const std::string range = std::to_string(request.resume_from) + "-";
  curl_easy_setopt(curl, CURLOPT_RANGE, request.resume_from > 0 ? range.c_str() : nullptr);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  handle_->error[0] = '\0';
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) response.error = handle_->error[0] ? handle_->error : curl_easy_strerror(code);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response.status);
  return response;
}

}  // namespace lorica
