package io.lattice.gateway.grpc;

import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.lattice.gateway.admission.Tenant;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Hands each call to the services of the group that holds its tenant. Every group has the same services; a call of a tenant
/// whose group isn't here is refused, so that its client goes on with another endpoint. A stream stays where it began.
///
/// Thread-safe; costs a look into a map per call.
public final class TenantRouter {
    private final Function<String, @Nullable Services> groups;

    /// The services of one group, by the full names of their methods.
    public record Services(Map<String, ServerMethodDefinition<?, ?>> methods) {
        /// All methods of several services.
        public static Services of(List<ServerServiceDefinition> services) {
            return new Services(
                    services.stream()
                            .flatMap(service -> service.getMethods().stream())
                            .collect(
                                    Collectors.toUnmodifiableMap(
                                            method ->
                                                    method.getMethodDescriptor()
                                                            .getFullMethodName(),
                                            Function.identity())));
        }
    }

    /// @param groups the services of a group by its name; null if it isn't here
    public TenantRouter(Function<String, @Nullable Services> groups) {
        this.groups = groups;
    }

    /// `service` as it is served for all groups.
    ///
    /// @param service of any group: only its descriptors count
    public ServerServiceDefinition route(ServerServiceDefinition service) {
        return ServiceMethods.map(service, this::routed);
    }

    private <Q, R> ServerMethodDefinition<Q, R> routed(ServerMethodDefinition<Q, R> method) {
        MethodDescriptor<Q, R> descriptor = method.getMethodDescriptor();
        return ServerMethodDefinition.create(
                descriptor, (call, headers) -> start(descriptor, call, headers));
    }

    @SuppressWarnings("unchecked") // a method's name says its types, whichever group serves it
    private <Q, R> ServerCall.Listener<Q> start(
            MethodDescriptor<Q, R> method, ServerCall<Q, R> call, Metadata headers) {
        Tenant tenant = Tenant.current();
        Services services = groups.apply(tenant.group());
        if (services == null) {
            call.close(tenant.elsewhere(), new Metadata());
            return new ServerCall.Listener<>() {};
        }
        ServerMethodDefinition<Q, R> target =
                (ServerMethodDefinition<Q, R>) services.methods().get(method.getFullMethodName());
        if (target == null) {
            throw new IllegalStateException("a group doesn't serve " + method.getFullMethodName());
        }
        return target.getServerCallHandler().startCall(call, headers);
    }
}
