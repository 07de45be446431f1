package io.lattice.gateway.raft;

import io.lattice.proto.peer.PeerRequest;
import io.lattice.proto.peer.TermRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.function.LongConsumer;

/// This node as its watchdog sees it. Used by the Raft ticker.
record Watched(
        RaftView view,
        TermFile termFile,
        CommitPusher pusher,
        Proposer proposer,
        PeerSender peers,
        Leadership leadership,
        Applications applications)
        implements Watchdog.Node {

    @Override
    public Vitals vitals() {
        boolean leads = view.leads();
        // Asked before the file is looked at, which so may only be newer.
        long term = view.term();
        // Asked before the index that follows it, which so may only be greater.
        long flushed = view.flushedIndex();
        long applied = view.appliedIndex();
        return new Vitals(
                leads,
                term,
                statusOf(term),
                new Vitals.Log(
                        view.startIndex(),
                        view.lastIndex(),
                        flushed,
                        view.committedIndex(),
                        applied),
                proposer.refusedNanos(System.nanoTime()),
                view.voters(),
                view.listeners(),
                leads ? pusher.followers() : List.of());
    }

    private TermFile.Status statusOf(long term) {
        try {
            return termFile.status(term);
        } catch (IOException e) {
            throw new UncheckedIOException("term and vote can't be read", e);
        }
    }

    @Override
    public void handOver(String reason) {
        leadership.handOver(reason);
    }

    @Override
    public void fatal(String what, Throwable cause) {
        applications.failed(what, cause);
    }

    @Override
    public void askTerm(String raftId, LongConsumer answer) {
        peers.send(
                raftId,
                PeerRequest.newBuilder().setTerm(TermRequest.newBuilder().setRaftId(raftId)),
                reply -> answer.accept(reply == null ? 0 : reply.getTerm().getTerm()));
    }
}
