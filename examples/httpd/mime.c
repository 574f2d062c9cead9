/* SPDX-License-Identifier: BSD-3-Clause */
/* mime: see mime.h. Types as IANA registers them. */
#include "mime.h"

#define UTF8(type)                                                                                 \
    {                                                                                              \
        type "; charset=utf-8", sizeof(type "; charset=utf-8") - 1                                 \
    }
#define BINARY(type)                                                                               \
    {                                                                                              \
        type, sizeof(type) - 1                                                                     \
    }

enum { EXTENSION_MAX = 11 };

/* In order of the extension, for the search. */
static const struct {
    char extension[EXTENSION_MAX + 1];
    struct text type;
} types[] = {
    {"7z", BINARY("application/x-7z-compressed")},
    {"aac", BINARY("audio/aac")},
    {"avi", BINARY("video/x-msvideo")},
    {"avif", BINARY("image/avif")},
    {"bin", BINARY("application/octet-stream")},
    {"bmp", BINARY("image/bmp")},
    {"bz2", BINARY("application/x-bzip2")},
    {"c", UTF8("text/plain")},
    {"cc", UTF8("text/plain")},
    {"conf", UTF8("text/plain")},
    {"cpp", UTF8("text/plain")},
    {"css", UTF8("text/css")},
    {"csv", UTF8("text/csv")},
    {"deb", BINARY("application/vnd.debian.binary-package")},
    {"doc", BINARY("application/msword")},
    {"docx", BINARY("application/vnd.openxmlformats-officedocument.wordprocessingml.document")},
    {"eot", BINARY("application/vnd.ms-fontobject")},
    {"epub", BINARY("application/epub+zip")},
    {"flac", BINARY("audio/flac")},
    {"gif", BINARY("image/gif")},
    {"go", UTF8("text/plain")},
    {"gz", BINARY("application/gzip")},
    {"h", UTF8("text/plain")},
    {"hpp", UTF8("text/plain")},
    {"htm", UTF8("text/html")},
    {"html", UTF8("text/html")},
    {"ico", BINARY("image/vnd.microsoft.icon")},
    {"ics", UTF8("text/calendar")},
    {"ini", UTF8("text/plain")},
    {"iso", BINARY("application/octet-stream")},
    {"jpeg", BINARY("image/jpeg")},
    {"jpg", BINARY("image/jpeg")},
    {"js", UTF8("text/javascript")},
    {"json", BINARY("application/json")},
    {"jsonld", BINARY("application/ld+json")},
    {"log", UTF8("text/plain")},
    {"m4a", BINARY("audio/mp4")},
    {"map", BINARY("application/json")},
    {"md", UTF8("text/markdown")},
    {"mjs", UTF8("text/javascript")},
    {"mkv", BINARY("video/matroska")},
    {"mov", BINARY("video/quicktime")},
    {"mp3", BINARY("audio/mpeg")},
    {"mp4", BINARY("video/mp4")},
    {"mpeg", BINARY("video/mpeg")},
    {"odt", BINARY("application/vnd.oasis.opendocument.text")},
    {"oga", BINARY("audio/ogg")},
    {"ogg", BINARY("audio/ogg")},
    {"ogv", BINARY("video/ogg")},
    {"opus", BINARY("audio/ogg")},
    {"otf", BINARY("font/otf")},
    {"pdf", BINARY("application/pdf")},
    {"png", BINARY("image/png")},
    {"py", UTF8("text/plain")},
    {"rs", UTF8("text/plain")},
    {"rtf", BINARY("application/rtf")},
    {"s", UTF8("text/plain")},
    {"sh", UTF8("text/plain")},
    {"svg", BINARY("image/svg+xml")},
    {"tar", BINARY("application/x-tar")},
    {"tgz", BINARY("application/gzip")},
    {"tif", BINARY("image/tiff")},
    {"tiff", BINARY("image/tiff")},
    {"toml", BINARY("application/toml")},
    {"ttf", BINARY("font/ttf")},
    {"txt", UTF8("text/plain")},
    {"wasm", BINARY("application/wasm")},
    {"wav", BINARY("audio/wav")},
    {"weba", BINARY("audio/webm")},
    {"webm", BINARY("video/webm")},
    {"webmanifest", BINARY("application/manifest+json")},
    {"webp", BINARY("image/webp")},
    {"woff", BINARY("font/woff")},
    {"woff2", BINARY("font/woff2")},
    {"xhtml", BINARY("application/xhtml+xml")},
    {"xml", BINARY("application/xml")},
    {"xz", BINARY("application/x-xz")},
    {"yaml", BINARY("application/yaml")},
    {"yml", BINARY("application/yaml")},
    {"zip", BINARY("application/zip")},
    {"zst", BINARY("application/zstd")},
};

/* The extension in lower case; false when there is none that could be in the table. */
static bool extension_of(struct text path, char out[EXTENSION_MAX + 1])
{
    size_t n = 0;
    while (n < path.n && path.p[path.n - n - 1] != '.') {
        if (path.p[path.n - n - 1] == '/' || n == EXTENSION_MAX)
            return false;
        n++;
    }
    if (n == path.n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = path.p[path.n - n + i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    out[n] = '\0';
    return true;
}

struct text mime_type(struct text path)
{
    char extension[EXTENSION_MAX + 1];
    size_t low = 0, high = sizeof types / sizeof types[0];
    while (extension_of(path, extension) && low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(extension, types[middle].extension);
        if (order == 0)
            return types[middle].type;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return TEXT("application/octet-stream");
}
