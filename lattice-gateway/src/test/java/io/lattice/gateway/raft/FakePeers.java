package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.proto.command.Proposal;
import io.lattice.proto.peer.ForwardReply;
import io.lattice.proto.peer.PeerReply;
import io.lattice.proto.peer.PeerRequest;
import io.lattice.proto.peer.ReadIndexReply;
import io.lattice.proto.peer.TermReply;
import java.util.Objects;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Keeps what other nodes are asked until the test answers for them. Thread-safe.
final class FakePeers implements PeerSender {
    private final LinkedBlockingQueue<Asked> asked = new LinkedBlockingQueue<>();

    @Override
    public void send(
            String nodeId, PeerRequest.Builder request, Consumer<@Nullable PeerReply> callback) {
        asked.add(new Asked(nodeId, request.build(), callback));
    }

    /// The oldest question not yet taken, which `peer` must have been asked.
    Asked next(String peer) {
        Asked next = next();
        assertThat(next.peer()).isEqualTo(peer);
        return next;
    }

    /// The oldest question not yet taken; waits for it.
    Asked next() {
        try {
            Asked next = asked.poll(10, TimeUnit.SECONDS);
            return Objects.requireNonNull(next, "no peer was asked anything");
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /// The oldest question not yet taken, or null if there's none.
    @Nullable Asked poll() {
        return asked.poll();
    }

    /// The question to `peer` among those not yet taken.
    Asked of(String peer) {
        Asked found =
                asked.stream()
                        .filter(a -> a.peer().equals(peer))
                        .findFirst()
                        .orElseThrow(() -> new AssertionError(peer + " was asked nothing"));
        asked.remove(found);
        return found;
    }

    boolean isQuiet() {
        return asked.isEmpty();
    }

    int count() {
        return asked.size();
    }

    void forget() {
        asked.clear();
    }

    /// One question and the way to answer it.
    record Asked(String peer, PeerRequest request, Consumer<@Nullable PeerReply> callback) {
        void term(long term) {
            assertThat(request.hasTerm()).isTrue();
            callback.accept(
                    PeerReply.newBuilder().setTerm(TermReply.newBuilder().setTerm(term)).build());
        }

        void readIndex(long index) {
            readIndex(ReadIndexReply.newBuilder().setConfirmed(true).setIndex(index));
        }

        void notLeader() {
            readIndex(ReadIndexReply.newBuilder().setConfirmed(false));
        }

        private void readIndex(ReadIndexReply.Builder reply) {
            assertThat(request.hasReadIndex()).isTrue();
            callback.accept(PeerReply.newBuilder().setReadIndex(reply).build());
        }

        Proposal proposal() {
            assertThat(request.hasForward()).isTrue();
            return request.getForward().getProposal();
        }

        void forwarded(ForwardReply.Result result) {
            callback.accept(
                    PeerReply.newBuilder()
                            .setForward(ForwardReply.newBuilder().setResult(result))
                            .build());
        }

        void committed(long term, long index, int pauseUs) {
            callback.accept(
                    PeerReply.newBuilder()
                            .setForward(
                                    ForwardReply.newBuilder()
                                            .setResult(ForwardReply.Result.COMMITTED)
                                            .setTerm(term)
                                            .setIndex(index)
                                            .setPauseUs(pauseUs))
                            .build());
        }

        /// The stream breaks.
        void lost() {
            callback.accept(null);
        }
    }
}
