BEGIN TRANSACTION;
CREATE TABLE agents (
	cell_id VARCHAR(36) NOT NULL, 
	gateway VARCHAR(63) NOT NULL, 
	generation BIGINT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	confirmed_empty BOOLEAN NOT NULL, 
	inventory JSON, 
	first_seen_at DATETIME, 
	PRIMARY KEY (cell_id, gateway), 
	FOREIGN KEY(cell_id) REFERENCES cells (id)
);
INSERT INTO "agents" VALUES('b179adb2-d1d5-45a1-89ee-f817765b6223','main-gw1',1,'3ff799cb87c6cbbc1005bfc83514a7001c252baa7f74ac82d60059d53d7d9c09',0,'{"asn": 65001, "router_id": "10.0.1.1", "prefixes": ["10.0.1.0/24", "fdce:11:0:1::/64"], "health_addresses": ["10.0.1.11/32", "fdce:11:0:1::11/128"], "ports": [{"interface": "wan1", "addresses": ["172.16.1.1/30", "fdce:11:ffff:1::1/64"]}, {"interface": "wan2", "addresses": ["172.16.2.1/30", "fdce:11:ffff:2::1/64"]}], "capabilities": {}}','2026-01-01 00:01:40.000000');
INSERT INTO "agents" VALUES('aa5383ea-32b9-4308-819a-28de02501b19','east-gw1',1,'870fa714ce019474c63fd65271649587b7b27c0f1af313c109cec6527a656669',0,'{"asn": 65002, "router_id": "10.0.2.1", "prefixes": ["10.0.2.0/24", "fdce:11:0:2::/64"], "health_addresses": ["10.0.2.11/32", "fdce:11:0:2::11/128"], "ports": [{"interface": "wan1", "addresses": ["172.16.1.2/30", "fdce:11:ffff:1::2/64"]}, {"interface": "wan2", "addresses": ["172.16.2.2/30", "fdce:11:ffff:2::2/64"]}], "capabilities": {}}','2026-01-01 00:01:40.000000');
CREATE TABLE cells (
	id VARCHAR(36) NOT NULL, 
	name VARCHAR(63) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	nova_cell_uuid VARCHAR(36), 
	asn BIGINT NOT NULL, 
	prefixes JSON NOT NULL, 
	description VARCHAR(255) NOT NULL, 
	revision_number INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name), 
	UNIQUE (nova_cell_uuid)
);
INSERT INTO "cells" VALUES('b179adb2-d1d5-45a1-89ee-f817765b6223','main','main',NULL,65001,'["10.0.1.0/24", "fdce:11:0:1::/64"]','',1,'2026-01-01 00:01:40.000000','2026-01-01 00:01:40.000000');
INSERT INTO "cells" VALUES('aa5383ea-32b9-4308-819a-28de02501b19','east','sub',NULL,65002,'["10.0.2.0/24", "fdce:11:0:2::/64"]','',1,'2026-01-01 00:01:40.000000','2026-01-01 00:01:40.000000');
CREATE TABLE connections (
	id VARCHAR(36) NOT NULL, 
	name VARCHAR(63) NOT NULL, 
	local_endpoint_id VARCHAR(36) NOT NULL, 
	remote_endpoint_id VARCHAR(36) NOT NULL, 
	families JSON NOT NULL, 
	hold_time INTEGER NOT NULL, 
	graceful_restart_time INTEGER NOT NULL, 
	hold_down DOUBLE NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	deleting BOOLEAN NOT NULL, 
	description VARCHAR(255) NOT NULL, 
	managed_by VARCHAR(63) DEFAULT '' NOT NULL, 
	revision_number INTEGER NOT NULL, 
	observed_revision INTEGER NOT NULL, 
	state VARCHAR(20) DEFAULT 'draft' NOT NULL, 
	provisioning_status VARCHAR(20) NOT NULL, 
	operating_status VARCHAR(20) NOT NULL, 
	conditions JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name), 
	FOREIGN KEY(local_endpoint_id) REFERENCES endpoints (id), 
	FOREIGN KEY(remote_endpoint_id) REFERENCES endpoints (id)
);
INSERT INTO "connections" VALUES('f1338bf4-e35b-4d74-86c8-73a7c822aa9b','main-east','579d4a01-9009-4c05-98a1-391af304db90','92da495f-711c-4d64-b81c-24d1644b4aef','["ipv4", "ipv6"]',9,30,3.0,1,0,'','',1,1,'active','ACTIVE','ONLINE','[{"type": "Enabled", "status": "True", "reason": "Enabled", "message": "wanted", "since": "2026-01-01T00:01:40+00:00"}, {"type": "AgentsReporting", "status": "True", "reason": "Fresh", "message": "both agents report", "since": "2026-01-01T00:01:40+00:00"}, {"type": "Applied", "status": "True", "reason": "Applied", "message": "both sides have made revision 1 so", "since": "2026-01-01T00:01:40+00:00"}, {"type": "SessionsEstablished", "status": "True", "reason": "AsWanted", "message": "every path has its session", "since": "2026-01-01T00:01:40+00:00"}, {"type": "RoutesLearned", "status": "True", "reason": "AsWanted", "message": "each uses the other''s prefixes in ipv4 and ipv6", "since": "2026-01-01T00:01:40+00:00"}, {"type": "HealthChecked", "status": "True", "reason": "AsWanted", "message": "round trips both ways in ipv4 and ipv6", "since": "2026-01-01T00:01:40+00:00"}, {"type": "PathsUp", "status": "True", "reason": "AsWanted", "message": "every path is up and in use", "since": "2026-01-01T00:01:40+00:00"}, {"type": "ProcessesRunning", "status": "True", "reason": "AsWanted", "message": "speaker, controller and switch answer", "since": "2026-01-01T00:01:40+00:00"}, {"type": "AgentsContent", "status": "True", "reason": "NoProblem", "message": "neither agent reports a problem", "since": "2026-01-01T00:01:40+00:00"}]','2026-01-01 00:01:40.000000','2026-01-01 00:01:40.000000');
CREATE TABLE endpoints (
	id VARCHAR(36) NOT NULL, 
	name VARCHAR(63) NOT NULL, 
	cell_id VARCHAR(36) NOT NULL, 
	gateway VARCHAR(63) NOT NULL, 
	asn BIGINT NOT NULL, 
	prefixes JSON NOT NULL, 
	health_check_addresses JSON NOT NULL, 
	interfaces JSON NOT NULL, 
	description VARCHAR(255) NOT NULL, 
	managed_by VARCHAR(63) DEFAULT '' NOT NULL, 
	revision_number INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name), 
	FOREIGN KEY(cell_id) REFERENCES cells (id)
);
INSERT INTO "endpoints" VALUES('579d4a01-9009-4c05-98a1-391af304db90','main-ep','b179adb2-d1d5-45a1-89ee-f817765b6223','main-gw1',65001,'["10.0.1.0/24", "fdce:11:0:1::/64"]','["10.0.1.11", "fdce:11:0:1::11"]','[{"interface": "wan1", "addresses": ["172.16.1.1/30", "fdce:11:ffff:1::1/64"]}, {"interface": "wan2", "addresses": ["172.16.2.1/30", "fdce:11:ffff:2::1/64"]}]','','',1,'2026-01-01 00:01:40.000000','2026-01-01 00:01:40.000000');
INSERT INTO "endpoints" VALUES('92da495f-711c-4d64-b81c-24d1644b4aef','east-ep','aa5383ea-32b9-4308-819a-28de02501b19','east-gw1',65002,'["10.0.2.0/24", "fdce:11:0:2::/64"]','["10.0.2.11", "fdce:11:0:2::11"]','[{"interface": "wan1", "addresses": ["172.16.1.2/30", "fdce:11:ffff:1::2/64"]}, {"interface": "wan2", "addresses": ["172.16.2.2/30", "fdce:11:ffff:2::2/64"]}]','','',1,'2026-01-01 00:01:40.000000','2026-01-01 00:01:40.000000');
CREATE TABLE events (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	time DATETIME NOT NULL, 
	type VARCHAR(60) NOT NULL, 
	severity VARCHAR(10) NOT NULL, 
	resource_type VARCHAR(20) NOT NULL, 
	resource_id VARCHAR(120) NOT NULL, 
	resource_name VARCHAR(120) NOT NULL, 
	message VARCHAR NOT NULL, 
	request_id VARCHAR(60), 
	detail JSON NOT NULL
);
INSERT INTO "events" VALUES(1,'2026-01-01 00:01:40.000000','cell.created','info','cell','b179adb2-d1d5-45a1-89ee-f817765b6223','main','cell main, AS 65001',NULL,'{}');
INSERT INTO "events" VALUES(2,'2026-01-01 00:01:40.000000','cell.created','info','cell','aa5383ea-32b9-4308-819a-28de02501b19','east','cell east, AS 65002',NULL,'{}');
INSERT INTO "events" VALUES(3,'2026-01-01 00:01:40.000000','agent.registered','info','agent','main/main-gw1','main/main-gw1','agent of main/main-gw1 reports for the first time',NULL,'{}');
INSERT INTO "events" VALUES(4,'2026-01-01 00:01:40.000000','agent.registered','info','agent','east/east-gw1','east/east-gw1','agent of east/east-gw1 reports for the first time',NULL,'{}');
INSERT INTO "events" VALUES(5,'2026-01-01 00:01:40.000000','endpoint.created','info','endpoint','579d4a01-9009-4c05-98a1-391af304db90','main-ep','endpoint main-ep at main/main-gw1, AS 65001',NULL,'{}');
INSERT INTO "events" VALUES(6,'2026-01-01 00:01:40.000000','endpoint.created','info','endpoint','92da495f-711c-4d64-b81c-24d1644b4aef','east-ep','endpoint east-ep at east/east-gw1, AS 65002',NULL,'{}');
INSERT INTO "events" VALUES(7,'2026-01-01 00:01:40.000000','connection.created','info','connection','f1338bf4-e35b-4d74-86c8-73a7c822aa9b','main-east','main-east: main/main-gw1 - east/east-gw1 by main-east-1, main-east-2',NULL,'{}');
INSERT INTO "events" VALUES(8,'2026-01-01 00:01:40.000000','connection.provisioning_status','info','connection','f1338bf4-e35b-4d74-86c8-73a7c822aa9b','main-east','main-east: PENDING_CREATE -> ACTIVE',NULL,'{"before": "PENDING_CREATE", "after": "ACTIVE"}');
INSERT INTO "events" VALUES(9,'2026-01-01 00:01:40.000000','connection.operating_status','info','connection','f1338bf4-e35b-4d74-86c8-73a7c822aa9b','main-east','main-east: OFFLINE -> ONLINE',NULL,'{"before": "OFFLINE", "after": "ONLINE"}');
CREATE TABLE meta (
	"key" VARCHAR(40) NOT NULL, 
	value VARCHAR(200) NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema_version','2');
INSERT INTO "meta" VALUES('owner','002f22b3-4a3e-410f-8243-a6dd6cba3d99');
CREATE TABLE paths (
	name VARCHAR(160) NOT NULL, 
	connection_id VARCHAR(36) NOT NULL, 
	position INTEGER NOT NULL, 
	local_interface VARCHAR(63) NOT NULL, 
	remote_interface VARCHAR(63) NOT NULL, 
	local_addresses JSON NOT NULL, 
	remote_addresses JSON NOT NULL, 
	PRIMARY KEY (name), 
	FOREIGN KEY(connection_id) REFERENCES connections (id)
);
INSERT INTO "paths" VALUES('main-east-1','f1338bf4-e35b-4d74-86c8-73a7c822aa9b',0,'wan1','wan1','["172.16.1.1", "fdce:11:ffff:1::1"]','["172.16.1.2", "fdce:11:ffff:1::2"]');
INSERT INTO "paths" VALUES('main-east-2','f1338bf4-e35b-4d74-86c8-73a7c822aa9b',1,'wan2','wan2','["172.16.2.1", "fdce:11:ffff:2::1"]','["172.16.2.2", "fdce:11:ffff:2::2"]');
CREATE TABLE prefixes (
	id INTEGER NOT NULL, 
	owner_id VARCHAR(36) NOT NULL, 
	owner VARCHAR(90) NOT NULL, 
	cell_id VARCHAR(36) NOT NULL, 
	prefix VARCHAR(50) NOT NULL, 
	version INTEGER NOT NULL, 
	first VARCHAR(32) NOT NULL, 
	last VARCHAR(32) NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "prefixes" VALUES(1,'b179adb2-d1d5-45a1-89ee-f817765b6223','cell main','b179adb2-d1d5-45a1-89ee-f817765b6223','10.0.1.0/24',4,'0000000000000000000000000a000100','0000000000000000000000000a0001ff');
INSERT INTO "prefixes" VALUES(2,'b179adb2-d1d5-45a1-89ee-f817765b6223','cell main','b179adb2-d1d5-45a1-89ee-f817765b6223','fdce:11:0:1::/64',6,'fdce0011000000010000000000000000','fdce001100000001ffffffffffffffff');
INSERT INTO "prefixes" VALUES(3,'aa5383ea-32b9-4308-819a-28de02501b19','cell east','aa5383ea-32b9-4308-819a-28de02501b19','10.0.2.0/24',4,'0000000000000000000000000a000200','0000000000000000000000000a0002ff');
INSERT INTO "prefixes" VALUES(4,'aa5383ea-32b9-4308-819a-28de02501b19','cell east','aa5383ea-32b9-4308-819a-28de02501b19','fdce:11:0:2::/64',6,'fdce0011000000020000000000000000','fdce001100000002ffffffffffffffff');
INSERT INTO "prefixes" VALUES(5,'579d4a01-9009-4c05-98a1-391af304db90','endpoint main-ep','b179adb2-d1d5-45a1-89ee-f817765b6223','10.0.1.0/24',4,'0000000000000000000000000a000100','0000000000000000000000000a0001ff');
INSERT INTO "prefixes" VALUES(6,'579d4a01-9009-4c05-98a1-391af304db90','endpoint main-ep','b179adb2-d1d5-45a1-89ee-f817765b6223','fdce:11:0:1::/64',6,'fdce0011000000010000000000000000','fdce001100000001ffffffffffffffff');
INSERT INTO "prefixes" VALUES(7,'92da495f-711c-4d64-b81c-24d1644b4aef','endpoint east-ep','aa5383ea-32b9-4308-819a-28de02501b19','10.0.2.0/24',4,'0000000000000000000000000a000200','0000000000000000000000000a0002ff');
INSERT INTO "prefixes" VALUES(8,'92da495f-711c-4d64-b81c-24d1644b4aef','endpoint east-ep','aa5383ea-32b9-4308-819a-28de02501b19','fdce:11:0:2::/64',6,'fdce0011000000020000000000000000','fdce001100000002ffffffffffffffff');
CREATE INDEX ix_prefixes_owner_id ON prefixes (owner_id);
CREATE INDEX prefixes_by_range ON prefixes (version, first, last);
CREATE INDEX events_by_resource ON events (resource_type, resource_id);
CREATE INDEX endpoints_by_agent ON endpoints (cell_id, gateway);
CREATE INDEX ix_connections_local_endpoint_id ON connections (local_endpoint_id);
CREATE INDEX ix_connections_remote_endpoint_id ON connections (remote_endpoint_id);
CREATE INDEX ix_paths_connection_id ON paths (connection_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',9);
COMMIT;
