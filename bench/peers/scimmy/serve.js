// SCIMMY with its routers on express 4 (with 5 their paging is silently lost), everything in memory.
// Users are found by id, userName and externalId through maps, and of a list only the page is taken, as a host with an
// indexed database would.
import {randomUUID} from "node:crypto";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

class Store {
    byId = new Map();
    indexes = {};

    constructor(...attributes) {
        for (const attribute of attributes) this.indexes[attribute] = new Map();
    }

    keyOf(attribute, value) {
        return attribute === "externalId" ? value : String(value).toLowerCase();
    }

    // SCIMMY itself makes a resource of each user before it cuts the page, unless the host says the total.
    firstPage(constraints) {
        constraints.totalResults = this.byId.size;
        const page = [];
        for (const resource of this.byId.values()) {
            if (page.length === constraints.count) break;
            page.push(resource);
        }
        return page;
    }

    find(filter) {
        const names = filter?.length === 1 ? Object.keys(filter[0]) : [];
        const index = names.length === 1 ? this.indexes[names[0]] : undefined;
        const [operator, value] = index ? [filter[0][names[0]]].flat() : [];
        if (operator === "eq") {
            const found = index.get(this.keyOf(names[0], value));
            return found ? [found] : [];
        }
        const all = [...this.byId.values()];
        return filter ? filter.match(all) : all;
    }

    remove(id) {
        const old = this.byId.get(id);
        if (!old) throw new Error("not found");
        this.byId.delete(id);
        for (const [attribute, index] of Object.entries(this.indexes))
            if (old[attribute] !== undefined) index.delete(this.keyOf(attribute, old[attribute]));
        return old;
    }

    write(id, sent) {
        const now = new Date().toISOString();
        const taken = sent.userName && this.indexes.userName.get(this.keyOf("userName", sent.userName));
        if (taken && taken.id !== id) throw new SCIMMY.Types.Error(409, "uniqueness", "userName is taken");
        const created = id ? this.remove(id).meta.created : now;
        const resource = {...sent, id: id ?? randomUUID(), meta: {created, lastModified: now}};
        this.byId.set(resource.id, resource);
        for (const [attribute, index] of Object.entries(this.indexes))
            if (resource[attribute] !== undefined) index.set(this.keyOf(attribute, resource[attribute]), resource);
        return resource;
    }
}

function handlers(store) {
    return {
        ingress: (resource, instance) => store.write(resource.id, JSON.parse(JSON.stringify(instance))),
        egress: (resource) => {
            const {startIndex, count, sortBy} = resource.constraints ?? {};
            const isFirstPage = !resource.filter && startIndex === 1 && count && !sortBy;
            if (!resource.id) return isFirstPage ? store.firstPage(resource.constraints) : store.find(resource.filter);
            const found = store.byId.get(resource.id);
            if (!found) throw new Error("not found");
            return found;
        },
        degress: (resource) => void store.remove(resource.id)
    };
}

SCIMMY.Config.set({patch: true, filter: true, bulk: {supported: true, maxOperations: 1000, maxPayloadSize: 16777216}});
SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser);
SCIMMY.Resources.declare(SCIMMY.Resources.User, handlers(new Store("userName", "externalId")));
SCIMMY.Resources.declare(SCIMMY.Resources.Group, handlers(new Store("displayName")));

const app = express();
app.use("/scim", new SCIMMYRouters({
    type: "bearer",
    handler: (request) => {
        if (request.header("Authorization") !== `Bearer ${process.env.BENCH_TOKEN}`) throw new Error("unknown token");
        return "bench";
    }
}));
app.listen(Number(process.env.PORT), "127.0.0.1");
