package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.proto.RaftProtos.AppendEntriesReplyProto;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotReplyProto;
import org.apache.ratis.proto.RaftProtos.InstallSnapshotRequestProto;
import org.apache.ratis.proto.RaftProtos.LogEntryProto;
import org.apache.ratis.proto.RaftProtos.RaftGroupIdProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.server.DivisionInfo;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.util.LifeCycle;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Turns alone, before a server that answers when the test says so.
@Timeout(60)
class AppendsInTurnTest {
    private final RaftGroupId group = RaftGroupId.valueOf(new UUID(1, 1));
    private final List<Long> begun = new CopyOnWriteArrayList<>();
    private final List<CompletableFuture<AppendEntriesReplyProto>> answers =
            new CopyOnWriteArrayList<>();
    private volatile boolean refusing;
    private volatile boolean installing;
    private volatile boolean following = true;
    private volatile Thread looking = Thread.currentThread();
    private final RaftServer turns = AppendsInTurn.before(server(), _ -> installing);

    private RaftServer server() {
        return proxy(
                RaftServer.class,
                (method, argument) ->
                        switch (method) {
                            case "appendEntriesAsync" ->
                                    begin((AppendEntriesRequestProto) argument);
                            case "installSnapshot" ->
                                    InstallSnapshotReplyProto.getDefaultInstance();
                            case "getDivision" -> division();
                            default -> throw new IOException(method);
                        });
    }

    /// A member of each group, in term 5.
    private RaftServer.Division division() {
        DivisionInfo info =
                proxy(
                        DivisionInfo.class,
                        (method, argument) ->
                                switch (method) {
                                    case "getLifeCycleState" -> LifeCycle.State.RUNNING;
                                    case "getCurrentTerm" -> 5L;
                                    case "isFollower" -> following;
                                    case "isListener" -> false;
                                    default -> throw new IOException(method);
                                });
        return proxy(RaftServer.Division.class, (method, argument) -> info);
    }

    private CompletableFuture<AppendEntriesReplyProto> begin(AppendEntriesRequestProto request)
            throws IOException {
        looking = Thread.currentThread();
        begun.add(request.getServerRequest().getCallId());
        if (refusing) {
            throw new IOException("refused");
        }
        CompletableFuture<AppendEntriesReplyProto> answer = new CompletableFuture<>();
        answers.add(answer);
        return answer;
    }

    private interface Answering {
        Object answer(String method, Object argument) throws IOException;
    }

    private static <T> T proxy(Class<T> type, Answering answering) {
        return type.cast(
                Proxy.newProxyInstance(
                        type.getClassLoader(),
                        new Class<?>[] {type},
                        (proxy, method, arguments) ->
                                answering.answer(
                                        method.getName(), arguments == null ? "" : arguments[0])));
    }

    private AppendEntriesRequestProto request(long callId, RaftGroupId of, int entries) {
        AppendEntriesRequestProto.Builder request =
                AppendEntriesRequestProto.newBuilder()
                        .setLeaderTerm(5)
                        .setServerRequest(
                                RaftRpcRequestProto.newBuilder()
                                        .setCallId(callId)
                                        .setRaftGroupId(
                                                RaftGroupIdProto.newBuilder()
                                                        .setId(of.toByteString())));
        for (int i = 0; i < entries; i++) {
            request.addEntries(LogEntryProto.newBuilder().setIndex(i));
        }
        return request.build();
    }

    private CompletableFuture<AppendEntriesReplyProto> send(long callId) throws IOException {
        return turns.appendEntriesAsync(request(callId, group, 1));
    }

    private void answer(int which) {
        answers.get(which)
                .complete(
                        AppendEntriesReplyProto.newBuilder()
                                .setMatchIndex(begun.get(which))
                                .build());
    }

    @Test
    void theNextBeginsWhenTheOneBeforeItIsAnswered() throws Exception {
        List<CompletableFuture<AppendEntriesReplyProto>> replies = new ArrayList<>();
        for (long call = 0; call < 3; call++) {
            replies.add(send(call));
        }
        assertThat(begun).containsExactly(0L);

        for (int i = 0; i < 3; i++) {
            int turn = i;
            await().until(() -> begun.size() == turn + 1 && answers.size() == turn + 1);
            assertThat(replies.get(turn)).isNotDone();
            answer(turn);
            assertThat(replies.get(turn).get(10, TimeUnit.SECONDS).getMatchIndex()).isEqualTo(turn);
        }
        assertThat(begun).containsExactly(0L, 1L, 2L);

        send(3);
        assertThat(begun).endsWith(3L);
    }

    @Test
    void heartbeatsAndOtherGroupsDoNotWait() throws Exception {
        send(0);

        turns.appendEntriesAsync(request(1, group, 0));
        turns.appendEntriesAsync(request(2, RaftGroupId.valueOf(new UUID(2, 2)), 1));

        assertThat(begun).containsExactly(0L, 1L, 2L);
    }

    @Test
    void whatChangesTheRoleOrTheTermIsLookedAtElsewhere() throws Exception {
        AppendEntriesRequestProto heartbeat = request(0, group, 0);
        turns.appendEntriesAsync(heartbeat);
        assertThat(looking).isSameAs(Thread.currentThread());

        AppendEntriesRequestProto later = heartbeat.toBuilder().setLeaderTerm(6).build();
        CompletableFuture<AppendEntriesReplyProto> newTerm = turns.appendEntriesAsync(later);
        await().until(() -> answers.size() == 2);
        assertThat(looking).isNotSameAs(Thread.currentThread());
        answer(1);
        assertThat(newTerm.get(10, TimeUnit.SECONDS).getMatchIndex()).isZero();

        following = false;
        looking = Thread.currentThread();
        CompletableFuture<AppendEntriesReplyProto> newLeader = send(3);
        await().until(() -> answers.size() == 3);
        assertThat(looking).isNotSameAs(Thread.currentThread());
        answer(2);
        assertThat(newLeader.get(10, TimeUnit.SECONDS).getMatchIndex()).isEqualTo(3);
    }

    @Test
    void oneTooManyFailsAndTheOthersKeepTheirTurns() throws Exception {
        List<CompletableFuture<AppendEntriesReplyProto>> replies = new ArrayList<>();
        for (long call = 0; call <= AppendsInTurn.WAITING_MAX; call++) {
            replies.add(send(call));
        }

        assertThatThrownBy(() -> send(99).get(10, TimeUnit.SECONDS))
                .hasRootCauseInstanceOf(IOException.class)
                .hasMessageContaining("32 append requests wait");

        for (int i = 0; i < replies.size(); i++) {
            int turn = i;
            await().until(() -> answers.size() == turn + 1);
            answer(turn);
            assertThat(replies.get(turn).get(10, TimeUnit.SECONDS).getMatchIndex()).isEqualTo(turn);
        }
    }

    @Test
    void aFailureEndsItsTurn() throws Exception {
        CompletableFuture<AppendEntriesReplyProto> broken = send(0);
        CompletableFuture<AppendEntriesReplyProto> next = send(1);
        IOException cause = new IOException("not yet");

        answers.getFirst().completeExceptionally(cause);
        await().until(() -> answers.size() == 2);
        answer(1);

        assertThatThrownBy(() -> broken.get(10, TimeUnit.SECONDS)).hasCause(cause);
        assertThat(next.get(10, TimeUnit.SECONDS).getMatchIndex()).isEqualTo(1);
    }

    @Test
    void aRefusedRequestEndsItsTurn() throws Exception {
        CompletableFuture<AppendEntriesReplyProto> first = send(0);
        CompletableFuture<AppendEntriesReplyProto> second = send(1);
        refusing = true;
        answer(0);

        assertThat(first.get(10, TimeUnit.SECONDS).getMatchIndex()).isZero();
        assertThatThrownBy(() -> second.get(10, TimeUnit.SECONDS)).hasRootCauseMessage("refused");
        assertThatThrownBy(() -> send(2)).isInstanceOf(IOException.class).hasMessage("refused");
        refusing = false;
        send(3);
        assertThat(begun).containsExactly(0L, 1L, 2L, 3L);
    }

    @Test
    void everythingElseIsTheServers() {
        assertThatThrownBy(turns::getGroups)
                .isInstanceOf(IOException.class)
                .hasMessage("getGroups");
    }

    @Test
    void aSnapshotWaitsForTheFormerOne() throws Exception {
        InstallSnapshotRequestProto part =
                InstallSnapshotRequestProto.newBuilder()
                        .setServerRequest(request(1, group, 0).getServerRequest())
                        .build();
        installing = true;
        CompletableFuture<InstallSnapshotReplyProto> answer = new CompletableFuture<>();
        Thread sender =
                Thread.ofVirtual()
                        .start(() -> {
                            try {
                                answer.complete(turns.installSnapshot(part));
                            } catch (IOException e) {
                                answer.completeExceptionally(e);
                            }
                        });
        await().until(() -> sender.getState() == Thread.State.TIMED_WAITING);
        assertThat(answer).isNotDone();

        installing = false;

        assertThat(answer.get(10, TimeUnit.SECONDS))
                .isEqualTo(InstallSnapshotReplyProto.getDefaultInstance());

        installing = true;
        assertThatThrownBy(() -> turns.installSnapshot(part))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("isn't in force after PT5S");
    }
}
