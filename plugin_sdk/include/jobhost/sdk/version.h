/* Which jobhost this is, and which one a plugin's schema section says that it was built by. */
#ifndef JOBHOST_SDK_VERSION_H
#define JOBHOST_SDK_VERSION_H

#define JOBHOST_VERSION "0.1.0"

#endif
