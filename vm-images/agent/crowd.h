// Keeps a machine usable in which something makes processes without end (crowd.c, SPEC.md A19).

// Sets how many there may be.
void crowd_limit(void);
// True if there are nearly as many as there may be.
int crowded(void);
// Kills those of the session that has the most, and of all sessions if that is not the cause; but never the agent nor
// `own`, a list ended by 0. Returns how many.
int crowd_end(const int *own);
// Kills all of a process group but the process that leads it.
void end_followers(int leader);
