/* ask SOCKET METHOD TARGET [BODY]: one request to an engine, for an image without any client.
 * Prints the answer's body; ends with 0 when the engine did it, 1 when not, 2 when nobody answers. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
    static char request[1 << 16], answer[1 << 20];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *body = argc > 4 ? argv[4] : "";
    size_t length = 0;
    ssize_t count;
    int engine = socket(AF_UNIX, SOCK_STREAM, 0);

    if (argc < 4)
        return 2;
    strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
    if (connect(engine, (struct sockaddr *)&address, sizeof address) != 0) {
        perror(argv[1]);
        return 2;
    }
    snprintf(request, sizeof request,
             "%s %s HTTP/1.0\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             argv[2], argv[3], strlen(body), body);
    if (write(engine, request, strlen(request)) < 0)
        return 2;
    while (length < sizeof answer - 1 &&
           (count = read(engine, answer + length, sizeof answer - 1 - length)) > 0)
        length += count;
    body = strstr(answer, "\r\n\r\n");
    printf("%s\n", body ? body + 4 : answer);
    return length > 9 && answer[9] == '2' ? 0 : 1;
}
