package io.lattice.it.failover;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.ClientBuilder;
import io.etcd.jetcd.KeyValue;
import io.etcd.jetcd.kv.GetResponse;
import io.etcd.jetcd.kv.PutResponse;
import io.lattice.it.cluster.TenantChannels;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/// A jetcd client of one node, which never retries by itself. Used by one thread.
///
/// A connection that failed is made anew at the next call, so that the pause that a gRPC channel takes
/// after a failure does not count as an outage of the server.
final class JetcdClient implements PutClient {
    /// Longer than any pause or cut, so that an answer that comes after it is seen.
    private static final long LIMIT_SECONDS = 12;

    private static final Result TOO_LATE =
            Result.error("no answer within %d s".formatted(LIMIT_SECONDS));

    private final Target target;
    private final AtomicBoolean broken = new AtomicBoolean();
    private @Nullable Client client;

    JetcdClient(Target target) {
        this.target = target;
    }

    private Client client() {
        Client current = client;
        if (current == null) {
            ClientBuilder builder =
                    Client.builder()
                            .endpoints(target.url())
                            .vertx(smallVertx())
                            .waitForReady(false)
                            .connectTimeout(Duration.ofSeconds(2))
                            .retryMaxAttempts(0);
            if (target.tls() != null) {
                builder.sslContext(target.tls().clientContext());
            }
            if (target.tenant() != null) {
                builder.header(TenantChannels.TENANT.name(), target.tenant());
            }
            current = builder.build();
            client = current;
        }
        return current;
    }

    /// A client ends the Vertx that it was given, so that each needs one of its own.
    private static Vertx smallVertx() {
        return Vertx.vertx(
                new VertxOptions()
                        .setEventLoopPoolSize(1)
                        .setWorkerPoolSize(1)
                        .setInternalBlockingPoolSize(1)
                        .setUseDaemonThread(true));
    }

    @Override
    public Result put(String key, long number) {
        return await(putAsync(key, number));
    }

    /// As [#put(String, long)], without waiting. The future completes with a result in any case, on a
    /// thread of jetcd's.
    CompletableFuture<Result> putAsync(String key, long number) {
        if (broken.getAndSet(false)) {
            close();
        }
        return client().getKVClient()
                .put(bytes(key), bytes(Long.toString(number)))
                .thenApply(response -> acknowledged(key, response))
                .completeOnTimeout(TOO_LATE, LIMIT_SECONDS, TimeUnit.SECONDS)
                .exceptionally(error -> {
                    String text = describe(error);
                    noteError(text);
                    return Result.error(text);
                });
    }

    /// An acknowledgement without a revision is none that a server may give; what came is shown whole.
    private static Result acknowledged(String key, PutResponse response) {
        long revision = response.getHeader().getRevision();
        if (revision < 1) {
            System.err.printf(
                    "jetcd: the put of %s was acknowledged without a revision: %s%n",
                    key, response);
        }
        return Result.acknowledged(revision);
    }

    private static Result await(CompletableFuture<Result> future) {
        try {
            return future.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException("a put's future never fails", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Result.error("interrupted");
        }
    }

    /// Reads linearizably.
    ///
    /// @return null if there was no answer
    @Nullable Read get(String key, String name) {
        if (broken.getAndSet(false)) {
            close();
        }
        long start = System.nanoTime();
        CompletableFuture<GetResponse> future = client().getKVClient().get(bytes(key));
        try {
            GetResponse response = future.get(LIMIT_SECONDS, TimeUnit.SECONDS);
            long end = System.nanoTime();
            List<KeyValue> kvs = response.getKvs();
            long number = kvs.isEmpty() ? 0 : Long.parseLong(kvs.get(0).getValue().toString());
            long modRevision = kvs.isEmpty() ? 0 : kvs.get(0).getModRevision();
            long revision = response.getHeader().getRevision();
            return new Read(key, number, modRevision, revision, name, start, end);
        } catch (ExecutionException e) {
            noteError(describe(e));
            return null;
        } catch (TimeoutException e) {
            future.cancel(true);
            return null;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return null;
        }
    }

    private static String describe(Throwable error) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            if (!(cause instanceof ExecutionException)
                    && !(cause instanceof CompletionException)
                    && cause.getMessage() != null) {
                text.append(text.isEmpty() ? "" : ": ").append(cause.getMessage());
            }
        }
        return text.isEmpty() ? error.toString() : text.toString();
    }

    private static ByteSequence bytes(String text) {
        return ByteSequence.from(text, StandardCharsets.UTF_8);
    }

    /// An error without a word of the server's own is one of the connection.
    private void noteError(String error) {
        if (!error.contains("etcdserver: ")) {
            broken.set(true);
        }
    }

    @Override
    public void close() {
        if (client != null) {
            client.close();
            client = null;
        }
    }
}
