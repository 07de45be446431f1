package io.lattice.gateway.grpc;

import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/// Rebuilds services, which gRPC makes immutable.
final class ServiceMethods {
    private ServiceMethods() {}

    /// `service` with each method replaced by what `change` makes of it, under the same name.
    static ServerServiceDefinition map(
            ServerServiceDefinition service, UnaryOperator<ServerMethodDefinition<?, ?>> change) {
        List<ServerMethodDefinition<?, ?>> methods = new ArrayList<>();
        ServiceDescriptor.Builder descriptor =
                ServiceDescriptor.newBuilder(service.getServiceDescriptor().getName())
                        .setSchemaDescriptor(service.getServiceDescriptor().getSchemaDescriptor());
        for (ServerMethodDefinition<?, ?> method : service.getMethods()) {
            ServerMethodDefinition<?, ?> changed = change.apply(method);
            methods.add(changed);
            descriptor.addMethod(changed.getMethodDescriptor());
        }
        ServerServiceDefinition.Builder rebuilt =
                ServerServiceDefinition.builder(descriptor.build());
        methods.forEach(rebuilt::addMethod);
        return rebuilt.build();
    }
}
