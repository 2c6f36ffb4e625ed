/* The same in C, whose symbols do not say what function a variable is local to. */
static int total = 1; /* line 2 */

int c_calls(int x) {
  static int calls = 0; /* line 5 */
  calls += x;
  return calls + total++;
}
