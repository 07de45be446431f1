package io.lattice.cp.client;

import com.google.protobuf.ByteString;
import io.grpc.Deadline;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.lattice.proto.etcdserverpb.Compare;
import io.lattice.proto.etcdserverpb.Compare.CompareResult;
import io.lattice.proto.etcdserverpb.Compare.CompareTarget;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.TxnRequest;
import io.lattice.proto.etcdserverpb.TxnResponse;
import io.lattice.proto.mvccpb.KeyValue;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// A client of the control plane for the keys under one prefix. Goes on with the next endpoint when one gives no usable answer
/// in time. Belongs to one thread, but for [#close()].
public final class ControlPlaneClient implements AutoCloseable {
    private static final int PAGE_KEYS = 200;
    private static final int READING_BYTES_MAX = 64 << 20;
    private static final ByteString NEXT_KEY = ByteString.copyFrom(new byte[] {0});

    private final List<URI> endpoints;
    private final List<ManagedChannel> channels;
    private final String prefix;
    private final Duration patience;
    private final LongSupplier nanos;
    private int current;

    /// Connects when first used.
    ///
    /// @param endpoints `http` or `https` URLs; never empty
    /// @param tls for https endpoints; null if there are none
    /// @param prefix ends with a slash
    /// @param patience how long one endpoint may take for an answer
    /// @param nanos a clock like System.nanoTime, for when questions were asked
    /// @throws ControlPlaneException if the TLS library refuses the keys
    public ControlPlaneClient(
            List<URI> endpoints,
            @Nullable ClientTls tls,
            String prefix,
            Duration patience,
            LongSupplier nanos)
            throws ControlPlaneException {
        this.endpoints = List.copyOf(endpoints);
        this.channels = Channels.to(endpoints, tls);
        this.prefix = prefix;
        this.patience = patience;
        this.nanos = nanos;
    }

    /// Everything under the prefix at one revision, as a majority of the control plane has it.
    ///
    /// @throws ControlPlaneException if no endpoint answers usefully
    public Reading read() throws ControlPlaneException {
        return anywhere(this::readFrom);
    }

    private interface Question<T> {
        T ask(KVGrpc.KVBlockingStub kv);
    }

    private <T> T anywhere(Question<T> question) throws ControlPlaneException {
        List<String> failures = new ArrayList<>();
        StatusRuntimeException last = null;
        for (int i = 0; i < channels.size(); i++) {
            ManagedChannel channel = channels.get(current);
            // Else a call would fail at once for as long as gRPC waits after a refused connection.
            channel.resetConnectBackoff();
            try {
                return question.ask(
                        KVGrpc.newBlockingStub(channel)
                                .withDeadline(
                                        Deadline.after(patience.toNanos(), TimeUnit.NANOSECONDS)));
            } catch (StatusRuntimeException e) {
                failures.add(endpoints.get(current) + ": " + describe(e.getStatus()));
                last = e;
                current = (current + 1) % channels.size();
            }
        }
        throw unanswered(failures, last);
    }

    private static ControlPlaneException unanswered(
            List<String> failures, @Nullable StatusRuntimeException last) {
        if (last == null) {
            throw new IllegalArgumentException("endpoints: found none; allowed 1 or more");
        }
        return new ControlPlaneException(String.join("; ", failures), last);
    }

    private static String describe(Status status) {
        String text = status.getCode() + ": " + status.getDescription();
        Throwable cause = status.getCause();
        return cause == null ? text : text + " (" + cause.getMessage() + ")";
    }

    private Reading readFrom(KVGrpc.KVBlockingStub kv) {
        long asked = nanos.getAsLong();
        SortedMap<String, Reading.Entry> entries = new TreeMap<>();
        ByteString from = ByteString.copyFromUtf8(prefix);
        long revision = 0;
        long bytes = 0;
        while (true) {
            RangeResponse page =
                    kv.range(
                            RangeRequest.newBuilder()
                                    .setKey(from)
                                    .setRangeEnd(prefixEnd())
                                    .setLimit(PAGE_KEYS)
                                    .setRevision(revision)
                                    .build());
            if (revision == 0) {
                revision = page.getHeader().getRevision();
            }
            for (KeyValue entry : page.getKvsList()) {
                entries.put(
                        entry.getKey().toStringUtf8(),
                        new Reading.Entry(entry.getValue(), entry.getModRevision()));
                bytes += entry.getSerializedSize();
                from = entry.getKey().concat(NEXT_KEY);
            }
            if (bytes > READING_BYTES_MAX) {
                throw Status.OUT_OF_RANGE
                        .withDescription(
                                "found more than "
                                        + READING_BYTES_MAX
                                        + " bytes under "
                                        + prefix
                                        + "; allowed at most that")
                        .asRuntimeException();
            }
            if (!page.getMore() || page.getKvsCount() == 0) {
                return new Reading(entries, revision, page.getHeader().getClusterId(), asked);
            }
        }
    }

    private ByteString prefixEnd() {
        // The prefix ends with a slash, which has a successor.
        String stem = prefix.substring(0, prefix.length() - 1);
        return ByteString.copyFromUtf8(stem + (char) (prefix.charAt(prefix.length() - 1) + 1));
    }

    /// Puts and deletes in one transaction, provided that nothing that it rests on has changed since a reading.
    ///
    /// @param seen the reading
    /// @param rests keys that must still be as they were read; no key under the prefix may have been put since anyway
    /// @return the revision of the change; empty if something had changed, and nothing was done
    /// @throws ControlPlaneException if no endpoint answers. The change may have been made or not
    public OptionalLong commit(
            Reading seen, Collection<String> rests, Map<String, String> put, List<String> deleted)
            throws ControlPlaneException {
        TxnRequest.Builder txn = TxnRequest.newBuilder();
        txn.addCompare(
                Compare.newBuilder()
                        .setKey(ByteString.copyFromUtf8(prefix))
                        .setRangeEnd(prefixEnd())
                        .setTarget(CompareTarget.MOD)
                        .setResult(CompareResult.LESS)
                        .setModRevision(seen.revision() + 1));
        for (String key : rests) {
            Reading.Entry entry = seen.entries().get(key);
            if (entry != null) {
                txn.addCompare(
                        Compare.newBuilder()
                                .setKey(ByteString.copyFromUtf8(key))
                                .setTarget(CompareTarget.MOD)
                                .setResult(CompareResult.EQUAL)
                                .setModRevision(entry.modRevision()));
            }
        }
        put.forEach((key, value) ->
                txn.addSuccess(
                        RequestOp.newBuilder()
                                .setRequestPut(
                                        PutRequest.newBuilder()
                                                .setKey(ByteString.copyFromUtf8(key))
                                                .setValue(ByteString.copyFromUtf8(value)))));
        for (String key : deleted) {
            txn.addSuccess(
                    RequestOp.newBuilder()
                            .setRequestDeleteRange(
                                    DeleteRangeRequest.newBuilder()
                                            .setKey(ByteString.copyFromUtf8(key))));
        }
        // One endpoint only: a second try could meet the change of the first.
        ManagedChannel channel = channels.get(current);
        try {
            TxnResponse response =
                    KVGrpc.newBlockingStub(channel)
                            .withDeadlineAfter(patience.toNanos(), TimeUnit.NANOSECONDS)
                            .txn(txn.build());
            return response.getSucceeded()
                    ? OptionalLong.of(response.getHeader().getRevision())
                    : OptionalLong.empty();
        } catch (StatusRuntimeException e) {
            throw unanswered(List.of(endpoints.get(current) + ": " + describe(e.getStatus())), e);
        }
    }

    /// Watches the prefix at the endpoint that answered last.
    ///
    /// @param revision the first whose changes count
    /// @param changed told, on any thread, that something changed
    /// @param ended told once, on any thread, that no more will be told, and why
    public PrefixWatch watch(long revision, Runnable changed, PrefixWatch.Ended ended) {
        return PrefixWatch.open(
                channels.get(current),
                ByteString.copyFromUtf8(prefix),
                prefixEnd(),
                revision,
                changed,
                ended);
    }

    /// The endpoint that is in use.
    public URI endpoint() {
        return endpoints.get(current);
    }

    /// Gives up what is under way.
    @Override
    public void close() {
        channels.forEach(ManagedChannel::shutdownNow);
    }
}
