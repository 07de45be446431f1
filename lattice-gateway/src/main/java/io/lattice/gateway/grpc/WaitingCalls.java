package io.lattice.gateway.grpc;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.lattice.gateway.admission.FairExecutor;
import io.lattice.gateway.admission.Tenant;
import io.lattice.gateway.raft.ProposalFailure;
import io.lattice.gateway.raft.RaftNode;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Calls that may wait for long, for a lock for example: each has a virtual thread, which is interrupted when its client goes or
/// the node stops. At most 10,000 on a node; further ones are refused. Thread-safe.
public final class WaitingCalls {
    private static final Logger LOG = LoggerFactory.getLogger(WaitingCalls.class);
    private static final int CALLS_MAX = 10_000;

    private final TenantCalls.Node node;
    private final Semaphore free = new Semaphore(CALLS_MAX);
    private final Set<Thread> running = ConcurrentHashMap.newKeySet();
    private volatile boolean stopping;

    /// Serves calls with this node's log and state.
    ///
    /// @param scans runs reads that may take long
    /// @param gate what claims to be linearizable has to pass it, and grants too
    public WaitingCalls(
            RaftNode raft,
            Headers headers,
            RequestLimits limits,
            FairExecutor scans,
            ReadGate gate) {
        this.node = new TenantCalls.Node(raft, headers, limits, scans, gate);
    }

    /// A call's steps.
    ///
    /// @param <T> response message
    interface Steps<T> {
        /// Makes them, one after the other.
        ///
        /// @param client takes responses
        void run(TenantCalls calls, Client<T> client) throws InterruptedException;
    }

    /// Who called.
    ///
    /// @param <T> response message
    record Client<T>(ServerCallStreamObserver<T> observer, Semaphore ready) {
        /// Sends a response, when there is room for it.
        void send(T response) throws InterruptedException {
            while (!observer.isReady()) {
                ready.acquire();
            }
            observer.onNext(response);
        }
    }

    /// Begins a call; within the service's method.
    <T> void begin(StreamObserver<T> observer, Steps<T> steps) {
        if (!free.tryAcquire()) {
            observer.onError(
                    ErrorMapper.status(ProposalFailure.TOO_MANY_REQUESTS).asRuntimeException());
            return;
        }
        TenantCalls calls = new TenantCalls(Tenant.current(), node);
        ServerCallStreamObserver<T> call = (ServerCallStreamObserver<T>) observer;
        Client<T> client = new Client<>(call, new Semaphore(0));
        Thread thread =
                Thread.ofVirtual()
                        .name("lattice-waiting")
                        .unstarted(() -> {
                            try {
                                run(calls, client, steps);
                            } finally {
                                running.remove(Thread.currentThread());
                                free.release();
                            }
                        });
        call.setOnCancelHandler(thread::interrupt);
        call.setOnReadyHandler(client.ready()::release);
        running.add(thread);
        thread.start();
        if (stopping) {
            thread.interrupt();
        }
    }

    private <T> void run(TenantCalls calls, Client<T> client, Steps<T> steps) {
        try {
            steps.run(calls, client);
            client.observer().onCompleted();
        } catch (InterruptedException e) {
            LOG.trace("a waiting call ended with its client or the node", e);
            client.observer()
                    .onError(
                            (stopping
                                            ? ErrorMapper.status(ProposalFailure.STOPPED)
                                            : Status.CANCELLED)
                                    .asRuntimeException());
        } catch (StatusRuntimeException e) {
            client.observer().onError(e);
        } catch (RuntimeException e) {
            client.observer().onError(ErrorMapper.status(e).asRuntimeException());
        }
    }

    /// Does what a call leaves behind when it fails. Not interrupted by what interrupted the call; what fails here fails
    /// silently for the client, as in etcd: the lease ends what is left.
    static void cleanUp(Cleaning cleaning) {
        boolean interrupted = Thread.interrupted();
        try {
            cleaning.run();
        } catch (InterruptedException e) {
            interrupted = true;
            LOG.debug("cleaning up after a call was cut short", e);
        } catch (StatusRuntimeException e) {
            LOG.debug("cleaning up after a call failed", e);
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /// A part of a call that runs when it fails.
    interface Cleaning {
        void run() throws InterruptedException;
    }

    /// Ends all calls, which would otherwise wait for as long as their clients do.
    public void stop() {
        stopping = true;
        running.forEach(Thread::interrupt);
    }
}
