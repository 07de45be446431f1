package io.lattice.gateway.raft;

/// What a leader knows of one follower.
///
/// @param raftId its identity
/// @param matchIndex last index that it is known to have on disk
/// @param nextIndex first index to be sent to it
/// @param sentMs milliseconds since something was last sent to it, heartbeats included
/// @param heardMs milliseconds since it last answered
record Follower(String raftId, long matchIndex, long nextIndex, long sentMs, long heardMs) {}
