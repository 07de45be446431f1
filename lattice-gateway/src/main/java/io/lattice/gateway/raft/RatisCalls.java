package io.lattice.gateway.raft;

import io.lattice.statemachine.apply.LogPosition;
import io.lattice.statemachine.raft.BatchMessage;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.apache.ratis.proto.RaftProtos.AppendEntriesRequestProto;
import org.apache.ratis.proto.RaftProtos.RaftRpcRequestProto;
import org.apache.ratis.proto.RaftProtos.TermIndexProto;
import org.apache.ratis.protocol.ClientId;
import org.apache.ratis.protocol.GroupManagementRequest;
import org.apache.ratis.protocol.RaftClientAsynchronousProtocol;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftClientRequest;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeerId;
import org.apache.ratis.protocol.SetConfigurationRequest;
import org.apache.ratis.protocol.TransferLeadershipRequest;
import org.apache.ratis.server.DivisionInfo;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.util.ProtoUtils;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What this process asks of its own Ratis server, without the network. Thread-safe. Each call may wait for Ratis'
/// locks, which Ratis holds while it persists a vote.
final class RatisCalls implements EntrySink {
    private static final Logger LOG = LoggerFactory.getLogger(RatisCalls.class);

    private static final long TRANSFER_TIMEOUT_MS = 3_000;

    private final RaftServer server;
    private final RaftGroupId groupId;
    private final ClientId clientId = ClientId.randomId();
    private final AtomicLong callIds = new AtomicLong();

    RatisCalls(RaftServer server, RaftGroupId groupId) {
        this.server = server;
        this.groupId = groupId;
    }

    @Override
    public void submit(BatchMessage message, Consumer<Throwable> failed) {
        RaftClientRequest request =
                RaftClientRequest.newBuilder()
                        .setClientId(clientId)
                        .setServerId(server.getId())
                        .setGroupId(groupId)
                        .setCallId(callIds.incrementAndGet())
                        .setMessage(message)
                        .setType(RaftClientRequest.writeRequestType())
                        .build();
        CompletableFuture<RaftClientReply> answer;
        try {
            // The division itself: by way of the server, a call would be handed to a pool and
            // waited for there.
            answer =
                    ((RaftClientAsynchronousProtocol) server.getDivision(groupId))
                            .submitClientRequestAsync(request);
        } catch (IOException | RuntimeException e) {
            failed.accept(e);
            return;
        }
        CompletableFuture<RaftClientReply> _ =
                answer.whenComplete((reply, e) -> {
                    if (e != null) {
                        failed.accept(e);
                    } else if (!reply.isSuccess()) {
                        failed.accept(reply.getException());
                    }
                });
    }

    /// As a heartbeat that the leader sends would: Ratis looks whether it has that entry. One that would change this node's role or term is
    /// left to a real one, since it may take long.
    @Override
    public void committed(String leader, LogPosition position) {
        try {
            DivisionInfo info = server.getDivision(groupId).getInfo();
            if (info.getLifeCycleState().isRunning()
                    && info.getCurrentTerm() == position.term()
                    && (info.isFollower() || info.isListener())) {
                var _ =
                        server.appendEntriesAsync(heartbeat(leader, position))
                                .exceptionally(e -> {
                                    LOG.debug("{} isn't taken as committed", position, e);
                                    return null;
                                });
            }
        } catch (IOException e) {
            // It is being closed, or the next heartbeat tells it.
            LOG.debug("{} isn't taken as committed", position, e);
        }
    }

    private AppendEntriesRequestProto heartbeat(String leader, LogPosition position) {
        return AppendEntriesRequestProto.newBuilder()
                .setServerRequest(
                        RaftRpcRequestProto.newBuilder()
                                .setRequestorId(RaftPeerId.valueOf(leader).toByteString())
                                .setReplyId(server.getId().toByteString())
                                .setRaftGroupId(ProtoUtils.toRaftGroupIdProtoBuilder(groupId))
                                .setCallId(callIds.incrementAndGet()))
                .setLeaderTerm(position.term())
                .setPreviousLog(
                        TermIndexProto.newBuilder()
                                .setTerm(position.term())
                                .setIndex(position.index()))
                .setLeaderCommit(position.index())
                .build();
    }

    /// Opens the group on this server, and waits until that is done.
    ///
    /// @param fresh whether its files are to be made; else they are there
    void addGroup(RaftGroup group, boolean fresh) throws IOException {
        manage(
                GroupManagementRequest.newAdd(
                        clientId, server.getId(), callIds.incrementAndGet(), group, fresh),
                "opened");
    }

    /// Closes the group on this server, and waits until that is done. Its files stay.
    void removeGroup() throws IOException {
        manage(
                GroupManagementRequest.newRemove(
                        clientId, server.getId(), callIds.incrementAndGet(), groupId, false, false),
                "closed");
    }

    private void manage(GroupManagementRequest request, String wanted) throws IOException {
        RaftClientReply reply = await(server.groupManagementAsync(request));
        if (!reply.isSuccess()) {
            throw new IOException("the Raft group can't be " + wanted, reply.getException());
        }
    }

    /// Ratis wraps what goes wrong while it opens the group's files.
    private static <T> T await(CompletableFuture<T> future) throws IOException {
        try {
            return future.join();
        } catch (CompletionException e) {
            Throwable cause = e.getCause();
            while (cause instanceof CompletionException && cause.getCause() != null) {
                cause = cause.getCause();
            }
            throw cause instanceof IOException known ? known : new IOException(cause);
        }
    }

    /// Changes the members, as the leader, if they still are `current`. No node may be in both in different roles: a leader that is
    /// elected before such a change is complete fails while it begins (`LeaderStateImpl`, Ratis 3.3.0), and so does every other.
    CompletableFuture<RaftClientReply> changeMembers(Members current, Members changed)
            throws IOException {
        return server.setConfigurationAsync(
                new SetConfigurationRequest(
                        clientId,
                        server.getId(),
                        groupId,
                        callIds.incrementAndGet(),
                        SetConfigurationRequest.Arguments.newBuilder()
                                .setMode(SetConfigurationRequest.Mode.COMPARE_AND_SET)
                                .setServersInCurrentConf(current.voters())
                                .setListenersInCurrentConf(current.listeners())
                                .setServersInNewConf(changed.voters())
                                .setListenersInNewConf(changed.listeners())
                                .build()));
    }

    /// Gives up leadership.
    ///
    /// @param newLeader who is to lead; Ratis waits up to 3 s until it has the whole log and is elected, and writes are
    ///     refused meanwhile. Null: whoever wins the next election, perhaps this node again
    CompletableFuture<RaftClientReply> transferLeadership(@Nullable String newLeader)
            throws IOException {
        return server.transferLeadershipAsync(
                new TransferLeadershipRequest(
                        clientId,
                        server.getId(),
                        groupId,
                        callIds.incrementAndGet(),
                        newLeader == null ? null : RaftPeerId.valueOf(newLeader),
                        TRANSFER_TIMEOUT_MS));
    }
}
