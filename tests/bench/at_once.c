/* A worker that ends at once: it says one word, since a script that says nothing and leaves nothing is not believed. What
 * it costs, which is the same for whoever starts it, is as little as can be. */
#include <unistd.h>

int main(void) {
    return write(2, "done\n", 5) == 5 ? 0 : 1;
}
