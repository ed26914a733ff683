/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Interfaces of Windows by UUID and those of their operations that matter in an intrusion: services, tasks,
 * registry, directory replication, coercion, WMI, DCOM. Names are the specifications' (MS-SCMR, MS-TSCH,
 * MS-SAMR, MS-LSAD, MS-NRPC, MS-DRSR, MS-SRVS, MS-RRP, MS-WMI, MS-DCOM, MS-EFSR, MS-RPRN, MS-DFSNM, MS-FSRVP
 * ...), svcctl's without the leading R, as Zeek and published detections write them.
 */

#include "proto/dcerpc.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"

struct operation {
	uint16_t opnum;
	const char *name;
};

struct interface {
	const char *uuid;
	const char *name;
	const struct operation *operations; /* sorted, closed by a NULL name; NULL: none named */
};

static const struct operation efsrpc_operations[] = {{0, "EfsRpcOpenFileRaw"}, {1, "EfsRpcReadFileRaw"},
    {2, "EfsRpcWriteFileRaw"}, {3, "EfsRpcCloseRaw"}, {4, "EfsRpcEncryptFileSrv"},
    {5, "EfsRpcDecryptFileSrv"}, {6, "EfsRpcQueryUsersOnFile"}, {7, "EfsRpcQueryRecoveryAgents"},
    {8, "EfsRpcRemoveUsersFromFile"}, {9, "EfsRpcAddUsersToFile"}, {12, "EfsRpcFileKeyInfo"},
    {13, "EfsRpcDuplicateEncryptionInfoFile"}, {15, "EfsRpcAddUsersToFileEx"}, {16, "EfsRpcFileKeyInfoEx"},
    {18, "EfsRpcGetEncryptedFileMetadata"}, {19, "EfsRpcSetEncryptedFileMetadata"},
    {20, "EfsRpcFlushEfsCache"}, {21, "EfsRpcEncryptFileExSrv"}, {22, "EfsRpcQueryProtectors"}, {0, NULL}};

static const struct operation svcctl_operations[] = {{0, "CloseServiceHandle"}, {1, "ControlService"},
    {2, "DeleteService"}, {5, "SetServiceObjectSecurity"}, {6, "QueryServiceStatus"},
    {11, "ChangeServiceConfigW"}, {12, "CreateServiceW"}, {13, "EnumDependentServicesW"},
    {14, "EnumServicesStatusW"}, {15, "OpenSCManagerW"}, {16, "OpenServiceW"}, {17, "QueryServiceConfigW"},
    {19, "StartServiceW"}, {23, "ChangeServiceConfigA"}, {24, "CreateServiceA"}, {26, "EnumServicesStatusA"},
    {27, "OpenSCManagerA"}, {28, "OpenServiceA"}, {29, "QueryServiceConfigA"}, {31, "StartServiceA"},
    {36, "ChangeServiceConfig2A"}, {37, "ChangeServiceConfig2W"}, {39, "QueryServiceConfig2W"},
    {40, "QueryServiceStatusEx"}, {42, "EnumServicesStatusExW"}, {44, "CreateServiceWOW64A"},
    {45, "CreateServiceWOW64W"}, {50, "ControlServiceExA"}, {51, "ControlServiceExW"},
    {60, "CreateWowService"}, {64, "OpenSCManager2"}, {0, NULL}};

static const struct operation atsvc_operations[] = {
    {0, "NetrJobAdd"}, {1, "NetrJobDel"}, {2, "NetrJobEnum"}, {3, "NetrJobGetInfo"}, {0, NULL}};

static const struct operation itaskschedulerservice_operations[] = {{0, "SchRpcHighestVersion"},
    {1, "SchRpcRegisterTask"}, {2, "SchRpcRetrieveTask"}, {3, "SchRpcCreateFolder"}, {4, "SchRpcSetSecurity"},
    {5, "SchRpcGetSecurity"}, {6, "SchRpcEnumFolders"}, {7, "SchRpcEnumTasks"}, {8, "SchRpcEnumInstances"},
    {9, "SchRpcGetInstanceInfo"}, {10, "SchRpcStopInstance"}, {11, "SchRpcStop"}, {12, "SchRpcRun"},
    {13, "SchRpcDelete"}, {14, "SchRpcRename"}, {15, "SchRpcScheduledRuntimes"}, {16, "SchRpcGetLastRunInfo"},
    {17, "SchRpcGetTaskInfo"}, {18, "SchRpcGetNumberOfMissedRuns"}, {19, "SchRpcEnableTask"}, {0, NULL}};

static const struct operation sasec_operations[] = {{0, "SASetAccountInformation"},
    {1, "SASetNSAccountInformation"}, {2, "SAGetNSAccountInformation"}, {3, "SAGetAccountInformation"},
    {0, NULL}};

static const struct operation samr_operations[] = {{0, "SamrConnect"}, {1, "SamrCloseHandle"},
    {3, "SamrQuerySecurityObject"}, {5, "SamrLookupDomainInSamServer"},
    {6, "SamrEnumerateDomainsInSamServer"}, {7, "SamrOpenDomain"}, {8, "SamrQueryInformationDomain"},
    {11, "SamrEnumerateGroupsInDomain"}, {12, "SamrCreateUserInDomain"}, {13, "SamrEnumerateUsersInDomain"},
    {15, "SamrEnumerateAliasesInDomain"}, {16, "SamrGetAliasMembership"}, {17, "SamrLookupNamesInDomain"},
    {18, "SamrLookupIdsInDomain"}, {19, "SamrOpenGroup"}, {22, "SamrAddMemberToGroup"},
    {25, "SamrGetMembersInGroup"}, {27, "SamrOpenAlias"}, {31, "SamrAddMemberToAlias"},
    {33, "SamrGetMembersInAlias"}, {34, "SamrOpenUser"}, {35, "SamrDeleteUser"},
    {36, "SamrQueryInformationUser"}, {37, "SamrSetInformationUser"}, {38, "SamrChangePasswordUser"},
    {39, "SamrGetGroupsForUser"}, {40, "SamrQueryDisplayInformation"},
    {44, "SamrGetUserDomainPasswordInformation"}, {46, "SamrQueryInformationDomain2"},
    {47, "SamrQueryInformationUser2"}, {48, "SamrQueryDisplayInformation2"}, {50, "SamrCreateUser2InDomain"},
    {51, "SamrQueryDisplayInformation3"}, {55, "SamrUnicodeChangePasswordUser2"}, {57, "SamrConnect2"},
    {58, "SamrSetInformationUser2"}, {62, "SamrConnect4"}, {64, "SamrConnect5"}, {65, "SamrRidToSid"},
    {66, "SamrSetDSRMPassword"}, {0, NULL}};

static const struct operation lsarpc_operations[] = {{0, "LsarClose"}, {2, "LsarEnumeratePrivileges"},
    {6, "LsarOpenPolicy"}, {7, "LsarQueryInformationPolicy"}, {10, "LsarCreateAccount"},
    {11, "LsarEnumerateAccounts"}, {12, "LsarCreateTrustedDomain"}, {13, "LsarEnumerateTrustedDomains"},
    {14, "LsarLookupNames"}, {15, "LsarLookupSids"}, {16, "LsarCreateSecret"},
    {18, "LsarEnumeratePrivilegesAccount"}, {19, "LsarAddPrivilegesToAccount"}, {28, "LsarOpenSecret"},
    {29, "LsarSetSecret"}, {30, "LsarQuerySecret"}, {35, "LsarEnumerateAccountsWithUserRight"},
    {36, "LsarEnumerateAccountRights"}, {37, "LsarAddAccountRights"}, {42, "LsarStorePrivateData"},
    {43, "LsarRetrievePrivateData"}, {44, "LsarOpenPolicy2"}, {45, "LsarGetUserName"},
    {46, "LsarQueryInformationPolicy2"}, {50, "LsarEnumerateTrustedDomainsEx"}, {57, "LsarLookupSids2"},
    {58, "LsarLookupNames2"}, {68, "LsarLookupNames3"}, {76, "LsarLookupSids3"}, {77, "LsarLookupNames4"},
    {0, NULL}};

static const struct operation netlogon_operations[] = {{2, "NetrLogonSamLogon"}, {3, "NetrLogonSamLogoff"},
    {4, "NetrServerReqChallenge"}, {5, "NetrServerAuthenticate"}, {6, "NetrServerPasswordSet"},
    {7, "NetrDatabaseDeltas"}, {8, "NetrDatabaseSync"}, {11, "NetrGetDCName"}, {14, "NetrLogonControl2"},
    {15, "NetrServerAuthenticate2"}, {16, "NetrDatabaseSync2"}, {18, "NetrLogonControl2Ex"},
    {19, "NetrEnumerateTrustedDomains"}, {20, "DsrGetDcName"}, {21, "NetrLogonGetCapabilities"},
    {26, "NetrServerAuthenticate3"}, {27, "DsrGetDcNameEx"}, {28, "DsrGetSiteName"},
    {29, "NetrLogonGetDomainInfo"}, {30, "NetrServerPasswordSet2"}, {31, "NetrServerPasswordGet"},
    {34, "DsrGetDcNameEx2"}, {36, "NetrEnumerateTrustedDomainsEx"}, {39, "NetrLogonSamLogonEx"},
    {40, "DsrEnumerateDomainTrusts"}, {42, "NetrServerTrustPasswordsGet"}, {45, "NetrLogonSamLogonWithFlags"},
    {46, "NetrServerGetTrustInfo"}, {0, NULL}};

static const struct operation drsuapi_operations[] = {{0, "DRSBind"}, {1, "DRSUnbind"}, {2, "DRSReplicaSync"},
    {3, "DRSGetNCChanges"}, {4, "DRSUpdateRefs"}, {5, "DRSReplicaAdd"}, {6, "DRSReplicaDel"},
    {7, "DRSReplicaModify"}, {8, "DRSVerifyNames"}, {9, "DRSGetMemberships"}, {10, "DRSInterDomainMove"},
    {11, "DRSGetNT4ChangeLog"}, {12, "DRSCrackNames"}, {13, "DRSWriteSPN"}, {14, "DRSRemoveDsServer"},
    {15, "DRSRemoveDsDomain"}, {16, "DRSDomainControllerInfo"}, {17, "DRSAddEntry"}, {18, "DRSExecuteKCC"},
    {19, "DRSGetReplInfo"}, {20, "DRSAddSidHistory"}, {21, "DRSGetMemberships2"},
    {22, "DRSReplicaVerifyObjects"}, {24, "DRSQuerySitesByCost"}, {0, NULL}};

static const struct operation dsaop_operations[] = {
    {0, "DSAPrepareScript"}, {1, "DSAExecuteScript"}, {0, NULL}};

static const struct operation dssetup_operations[] = {{0, "DsRolerGetPrimaryDomainInformation"}, {0, NULL}};

static const struct operation srvsvc_operations[] = {{8, "NetrConnectionEnum"}, {9, "NetrFileEnum"},
    {10, "NetrFileGetInfo"}, {11, "NetrFileClose"}, {12, "NetrSessionEnum"}, {13, "NetrSessionDel"},
    {14, "NetrShareAdd"}, {15, "NetrShareEnum"}, {16, "NetrShareGetInfo"}, {17, "NetrShareSetInfo"},
    {18, "NetrShareDel"}, {21, "NetrServerGetInfo"}, {23, "NetrServerDiskEnum"}, {28, "NetrRemoteTOD"},
    {31, "NetprPathCanonicalize"}, {32, "NetprPathCompare"}, {36, "NetrShareEnumSticky"}, {0, NULL}};

static const struct operation wkssvc_operations[] = {{0, "NetrWkstaGetInfo"}, {1, "NetrWkstaSetInfo"},
    {2, "NetrWkstaUserEnum"}, {5, "NetrWkstaTransportEnum"}, {8, "NetrUseAdd"}, {11, "NetrUseEnum"},
    {20, "NetrGetJoinInformation"}, {22, "NetrJoinDomain2"}, {0, NULL}};

static const struct operation winreg_operations[] = {{0, "OpenClassesRoot"}, {1, "OpenCurrentUser"},
    {2, "OpenLocalMachine"}, {3, "OpenPerformanceData"}, {4, "OpenUsers"}, {5, "BaseRegCloseKey"},
    {6, "BaseRegCreateKey"}, {7, "BaseRegDeleteKey"}, {8, "BaseRegDeleteValue"}, {9, "BaseRegEnumKey"},
    {10, "BaseRegEnumValue"}, {12, "BaseRegGetKeySecurity"}, {13, "BaseRegLoadKey"}, {15, "BaseRegOpenKey"},
    {16, "BaseRegQueryInfoKey"}, {17, "BaseRegQueryValue"}, {19, "BaseRegRestoreKey"}, {20, "BaseRegSaveKey"},
    {21, "BaseRegSetKeySecurity"}, {22, "BaseRegSetValue"}, {26, "BaseRegGetVersion"},
    {31, "BaseRegSaveKeyEx"}, {0, NULL}};

static const struct operation epmapper_operations[] = {{0, "ept_insert"}, {1, "ept_delete"},
    {2, "ept_lookup"}, {3, "ept_map"}, {4, "ept_lookup_handle_free"}, {0, NULL}};

static const struct operation mgmt_operations[] = {{0, "inq_if_ids"}, {1, "inq_stats"},
    {2, "is_server_listening"}, {3, "stop_server_listening"}, {4, "inq_princ_name"}, {0, NULL}};

static const struct operation iremoteactivation_operations[] = {{0, "RemoteActivation"}, {0, NULL}};

static const struct operation isystemactivator_operations[] = {
    {3, "RemoteGetClassObject"}, {4, "RemoteCreateInstance"}, {0, NULL}};

static const struct operation iobjectexporter_operations[] = {{0, "ResolveOxid"}, {1, "SimplePing"},
    {2, "ComplexPing"}, {3, "ServerAlive"}, {4, "ResolveOxid2"}, {5, "ServerAlive2"}, {0, NULL}};

static const struct operation iclassfactory_operations[] = {
    {3, "CreateInstance"}, {4, "LockServer"}, {0, NULL}};

static const struct operation iremunknown_operations[] = {
    {3, "RemQueryInterface"}, {4, "RemAddRef"}, {5, "RemRelease"}, {0, NULL}};

static const struct operation iremunknown2_operations[] = {
    {3, "RemQueryInterface"}, {4, "RemAddRef"}, {5, "RemRelease"}, {6, "RemQueryInterface2"}, {0, NULL}};

static const struct operation idispatch_operations[] = {
    {3, "GetTypeInfoCount"}, {4, "GetTypeInfo"}, {5, "GetIDsOfNames"}, {6, "Invoke"}, {0, NULL}};

static const struct operation iwbemlevel1login_operations[] = {
    {3, "EstablishPosition"}, {4, "RequestChallenge"}, {5, "WBEMLogin"}, {6, "NTLMLogin"}, {0, NULL}};

static const struct operation iwbemloginclientid_operations[] = {{3, "SetClientInfo"}, {0, NULL}};

static const struct operation iwbemloginhelper_operations[] = {{3, "SetEvent"}, {0, NULL}};

static const struct operation iwbemservices_operations[] = {{3, "OpenNamespace"}, {4, "CancelAsyncCall"},
    {5, "QueryObjectSink"}, {6, "GetObject"}, {7, "GetObjectAsync"}, {8, "PutClass"}, {9, "PutClassAsync"},
    {10, "DeleteClass"}, {11, "DeleteClassAsync"}, {12, "CreateClassEnum"}, {13, "CreateClassEnumAsync"},
    {14, "PutInstance"}, {15, "PutInstanceAsync"}, {16, "DeleteInstance"}, {17, "DeleteInstanceAsync"},
    {18, "CreateInstanceEnum"}, {19, "CreateInstanceEnumAsync"}, {20, "ExecQuery"}, {21, "ExecQueryAsync"},
    {22, "ExecNotificationQuery"}, {23, "ExecNotificationQueryAsync"}, {24, "ExecMethod"},
    {25, "ExecMethodAsync"}, {0, NULL}};

static const struct operation ienumwbemclassobject_operations[] = {
    {3, "Reset"}, {4, "Next"}, {5, "NextAsync"}, {6, "Clone"}, {7, "Skip"}, {0, NULL}};

static const struct operation iwbemfetchsmartenum_operations[] = {{3, "GetSmartEnum"}, {0, NULL}};

static const struct operation iwbemwcosmartenum_operations[] = {{3, "Next"}, {0, NULL}};

static const struct operation iwbemcallresult_operations[] = {{3, "GetResultObject"}, {4, "GetResultString"},
    {5, "GetResultServices"}, {6, "GetCallStatus"}, {0, NULL}};

static const struct operation iwbemobjectsink_operations[] = {{3, "Indicate"}, {4, "SetStatus"}, {0, NULL}};

static const struct operation iwbembackuprestore_operations[] = {{3, "Backup"}, {4, "Restore"}, {0, NULL}};

static const struct operation spoolss_operations[] = {{0, "RpcEnumPrinters"}, {1, "RpcOpenPrinter"},
    {5, "RpcAddPrinter"}, {9, "RpcAddPrinterDriver"}, {10, "RpcEnumPrinterDrivers"}, {29, "RpcClosePrinter"},
    {58, "RpcReplyOpenPrinter"}, {62, "RpcRemoteFindFirstPrinterChangeNotification"},
    {65, "RpcRemoteFindFirstPrinterChangeNotificationEx"}, {67, "RpcRouterRefreshPrinterChangeNotification"},
    {69, "RpcOpenPrinterEx"}, {70, "RpcAddPrinterEx"}, {88, "RpcSetPrinterDataEx"},
    {89, "RpcAddPrinterDriverEx"}, {0, NULL}};

static const struct operation iremotewinspool_operations[] = {{0, "RpcAsyncOpenPrinter"},
    {1, "RpcAsyncAddPrinter"}, {39, "RpcAsyncAddPrinterDriver"},
    {58, "RpcSyncRegisterForRemoteNotifications"}, {0, NULL}};

static const struct operation eventlog_operations[] = {{0, "ElfrClearELFW"}, {1, "ElfrBackupELFW"},
    {2, "ElfrCloseEL"}, {4, "ElfrNumberOfRecords"}, {7, "ElfrOpenELW"}, {10, "ElfrReadELW"},
    {12, "ElfrClearELFA"}, {0, NULL}};

static const struct operation even6_operations[] = {
    {5, "EvtRpcRegisterLogQuery"}, {6, "EvtRpcClearLog"}, {7, "EvtRpcExportLog"}, {0, NULL}};

static const struct operation netdfs_operations[] = {{0, "NetrDfsManagerGetVersion"}, {1, "NetrDfsAdd"},
    {2, "NetrDfsRemove"}, {4, "NetrDfsGetInfo"}, {5, "NetrDfsEnum"}, {12, "NetrDfsAddStdRoot"},
    {13, "NetrDfsRemoveStdRoot"}, {15, "NetrDfsAddStdRootForced"}, {0, NULL}};

static const struct operation fssagentrpc_operations[] = {{0, "GetSupportedVersion"}, {1, "SetContext"},
    {2, "StartShadowCopySet"}, {3, "AddToShadowCopySet"}, {8, "IsPathSupported"}, {9, "IsPathShadowCopied"},
    {0, NULL}};

static const struct operation backupkey_operations[] = {{0, "BackuprKey"}, {0, NULL}};

static const struct operation initshutdown_operations[] = {
    {0, "BaseInitiateShutdown"}, {1, "BaseAbortShutdown"}, {2, "BaseInitiateShutdownEx"}, {0, NULL}};

static const struct operation windowsshutdown_operations[] = {
    {0, "WsdrInitiateShutdown"}, {1, "WsdrAbortShutdown"}, {0, NULL}};

static const struct operation dnsserver_operations[] = {{0, "R_DnssrvOperation"}, {1, "R_DnssrvQuery"},
    {3, "R_DnssrvEnumRecords"}, {4, "R_DnssrvUpdateRecord"}, {5, "R_DnssrvOperation2"},
    {9, "R_DnssrvUpdateRecord2"}, {0, NULL}};

static const struct operation icertpassage_operations[] = {{0, "CertServerRequest"}, {0, NULL}};

static const struct operation icertrequestd_operations[] = {
    {3, "Request"}, {4, "GetCACert"}, {5, "Ping"}, {0, NULL}};

static const struct operation winstation_operations[] = {
    {0, "RpcWinStationOpenServer"}, {3, "RpcWinStationEnumerate"}, {0, NULL}};

static const struct operation termsrvsession_operations[] = {
    {0, "RpcOpenSession"}, {2, "RpcConnect"}, {3, "RpcDisconnect"}, {4, "RpcLogoff"}, {0, NULL}};

static const struct operation termsrvenumeration_operations[] = {
    {0, "RpcOpenEnum"}, {1, "RpcCloseEnum"}, {2, "RpcFilterByState"}, {0, NULL}};

static const struct interface interfaces[] = {
    {"367abb81-9844-35f1-ad32-98f038001003", "svcctl", svcctl_operations},
    {"1ff70682-0a51-30e8-076d-740be8cee98b", "atsvc", atsvc_operations},
    {"86d35949-83c9-4044-b424-db363231fd0c", "ITaskSchedulerService", itaskschedulerservice_operations},
    {"378e52b0-c0a9-11cf-822d-00aa0051e40f", "sasec", sasec_operations},
    {"12345778-1234-abcd-ef00-0123456789ac", "samr", samr_operations},
    {"12345778-1234-abcd-ef00-0123456789ab", "lsarpc", lsarpc_operations},
    {"12345678-1234-abcd-ef00-01234567cffb", "netlogon", netlogon_operations},
    {"e3514235-4b06-11d1-ab04-00c04fc2dcd2", "drsuapi", drsuapi_operations},
    {"7c44d7d4-31d5-424c-bd5e-2b3e1f323d22", "dsaop", dsaop_operations},
    {"3919286a-b10c-11d0-9ba8-00c04fd92ef5", "dssetup", dssetup_operations},
    {"4b324fc8-1670-01d3-1278-5a47bf6ee188", "srvsvc", srvsvc_operations},
    {"6bffd098-a112-3610-9833-46c3f87e345a", "wkssvc", wkssvc_operations},
    {"338cd001-2244-31f1-aaaa-900038001003", "winreg", winreg_operations},
    {"e1af8308-5d1f-11c9-91a4-08002b14a0fa", "epmapper", epmapper_operations},
    {"afa8bd80-7d8a-11c9-bef4-08002b102989", "mgmt", mgmt_operations},
    {"4d9f4ab8-7d1c-11cf-861e-0020af6e7c57", "IRemoteActivation", iremoteactivation_operations},
    {"000001a0-0000-0000-c000-000000000046", "ISystemActivator", isystemactivator_operations},
    {"99fcfec4-5260-101b-bbcb-00aa0021347a", "IObjectExporter", iobjectexporter_operations},
    {"00000000-0000-0000-c000-000000000046", "IUnknown", NULL},
    {"00000001-0000-0000-c000-000000000046", "IClassFactory", iclassfactory_operations},
    {"00000131-0000-0000-c000-000000000046", "IRemUnknown", iremunknown_operations},
    {"00000143-0000-0000-c000-000000000046", "IRemUnknown2", iremunknown2_operations},
    {"00020400-0000-0000-c000-000000000046", "IDispatch", idispatch_operations},
    {"f309ad18-d86a-11d0-a075-00c04fb68820", "IWbemLevel1Login", iwbemlevel1login_operations},
    {"d4781cd6-e5d3-44df-ad94-930efe48a887", "IWbemLoginClientID", iwbemloginclientid_operations},
    {"9f6c78ef-fce5-42fa-abea-3e7df91921dc", "IWbemLoginClientIDEx", NULL},
    {"541679ab-2e5f-11d3-b34e-00104bcc4b4a", "IWbemLoginHelper", iwbemloginhelper_operations},
    {"9556dc99-828c-11cf-a37e-00aa003240c7", "IWbemServices", iwbemservices_operations},
    {"027947e1-d731-11ce-a357-000000000001", "IEnumWbemClassObject", ienumwbemclassobject_operations},
    {"1c1c45ee-4395-11d2-b60b-00104b703efd", "IWbemFetchSmartEnum", iwbemfetchsmartenum_operations},
    {"423ec01e-2e35-11d2-b604-00104b703efd", "IWbemWCOSmartEnum", iwbemwcosmartenum_operations},
    {"44aca675-e8fc-11d0-a07c-00c04fb68820", "IWbemCallResult", iwbemcallresult_operations},
    {"7c857801-7381-11cf-884d-00aa004b2e24", "IWbemObjectSink", iwbemobjectsink_operations},
    {"c49e32c7-bc8b-11d2-85d4-00105a1f8304", "IWbemBackupRestore", iwbembackuprestore_operations},
    {"c681d488-d850-11d0-8c52-00c04fd90f7e", "efsrpc", efsrpc_operations},
    {"df1941c5-fe89-4e79-bf10-463657acf44d", "efsrpc", efsrpc_operations},
    {"12345678-1234-abcd-ef00-0123456789ab", "spoolss", spoolss_operations},
    {"76f03f96-cdfd-44fc-a22c-64950a001209", "IRemoteWinspool", iremotewinspool_operations},
    {"82273fdc-e32a-18c3-3f78-827929dc23ea", "eventlog", eventlog_operations},
    {"f6beaff7-1e19-4fbb-9f8f-b89e2018337c", "even6", even6_operations},
    {"4fc742e0-4a10-11cf-8273-00aa004ae673", "netdfs", netdfs_operations},
    {"a8e0653c-2744-4389-a61d-7373df8b2292", "fssagentrpc", fssagentrpc_operations},
    {"3dde7c30-165d-11d1-ab8f-00805f14db40", "BackupKey", backupkey_operations},
    {"894de0c0-0d55-11d3-a322-00c04fa321a1", "initshutdown", initshutdown_operations},
    {"d95afe70-a6d5-4259-822e-2c84da1ddb0d", "WindowsShutdown", windowsshutdown_operations},
    {"50abc2a4-574d-40b3-9d66-ee4fd5fba076", "DNSSERVER", dnsserver_operations},
    {"91ae6020-9e3c-11cf-8d7c-00aa00c091be", "ICertPassage", icertpassage_operations},
    {"d99e6e70-fc88-11d0-b498-00a0c90312f3", "ICertRequestD", icertrequestd_operations},
    {"6bffd098-a112-3610-9833-012892020162", "browser", NULL},
    {"17fdd703-1827-4e34-79d4-24a55c53bb37", "msgsvc", NULL},
    {"8d9f4e40-a03d-11ce-8f69-08003e30051b", "ntsvcs", NULL},
    {"300f3532-38cc-11d0-a3f0-0020af6b0add", "trkwks", NULL},
    {"8fb6d884-2388-11d0-8c35-00c04fda2795", "w32time", NULL},
    {"5ca4a760-ebb1-11cf-8611-00a0245420ed", "winstation", winstation_operations},
    {"484809d6-4239-471b-b5bc-61df8c23ac48", "TermSrvSession", termsrvsession_operations},
    {"88143fd0-c28d-4b2b-8fef-8d882f6a9390", "TermSrvEnumeration", termsrvenumeration_operations},
    {"60a15ec5-4de8-11d7-a637-005056a20182", "rpcecho", NULL},
};

enum { INTERFACES = sizeof(interfaces) / sizeof(interfaces[0]) };

char *dcerpc_uuid_text(const uint8_t uuid[DCERPC_UUID_SIZE], bool little_endian, char *buf)
{
	uint32_t a = little_endian ? load_le32(uuid) : load_be32(uuid);
	unsigned b = little_endian ? load_le16(uuid + 4) : load_be16(uuid + 4);
	unsigned c = little_endian ? load_le16(uuid + 6) : load_be16(uuid + 6);
	snprintf(buf, DCERPC_UUID_TEXT, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", a, b, c, uuid[8],
	    uuid[9], uuid[10], uuid[11], uuid[12], uuid[13], uuid[14], uuid[15]);
	return buf;
}

int dcerpc_interface_find(const char *uuid_text)
{
	for (int i = 0; i < INTERFACES; i++)
		if (strcmp(interfaces[i].uuid, uuid_text) == 0)
			return i;
	return -1;
}

const char *dcerpc_interface_name(int interface)
{
	return interface >= 0 && interface < INTERFACES ? interfaces[interface].name : NULL;
}

const char *dcerpc_operation_name(int interface, uint16_t opnum)
{
	if (interface < 0 || interface >= INTERFACES || !interfaces[interface].operations)
		return NULL;
	for (const struct operation *o = interfaces[interface].operations; o->name; o++)
		if (o->opnum == opnum)
			return o->name;
	return NULL;
}

bool dcerpc_operation_activates(int interface, uint16_t opnum)
{
	const char *name = dcerpc_operation_name(interface, opnum);
	return name && (interfaces[interface].operations == isystemactivator_operations ||
	                   interfaces[interface].operations == iremoteactivation_operations);
}

/* Classes through which published lateral movement runs commands (ATT&CK T1021.003), and WMI's.
 * Little-endian. */
static const struct {
	uint8_t id[DCERPC_UUID_SIZE];
	const char *name;
} classes[] = {
    {{0x72, 0x59, 0xa0, 0x9b, 0xa8, 0xf6, 0xcf, 0x11, 0xa4, 0x42, 0x00, 0xa0, 0xc9, 0x0a, 0x8f, 0x39},
        "ShellWindows"},
    {{0x90, 0xfd, 0x8a, 0xc0, 0xa1, 0xf2, 0xd1, 0x11, 0x84, 0x55, 0x00, 0xa0, 0xc9, 0x1f, 0x38, 0x80},
        "ShellBrowserWindow"},
    {{0x1a, 0x79, 0xb2, 0x49, 0xae, 0xb1, 0x90, 0x4c, 0x9b, 0x8e, 0xe8, 0x60, 0xba, 0x07, 0xf8, 0x89},
        "MMC20.Application"},
    {{0x12, 0x08, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46},
        "Excel.Application"},
    {{0x3a, 0xf0, 0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46},
        "Outlook.Application"},
    {{0xd5, 0x4d, 0xc2, 0x72, 0x0a, 0xd7, 0x8b, 0x43, 0x8a, 0x42, 0x98, 0x42, 0x4b, 0x88, 0xaf, 0xb8},
        "WScript.Shell"},
    {{0x11, 0xf8, 0x90, 0x45, 0x3a, 0x1d, 0xd0, 0x11, 0x89, 0x1f, 0x00, 0xaa, 0x00, 0x4b, 0x2e, 0x24},
        "WbemLocator"},
    {{0x5e, 0xf0, 0xc3, 0x8b, 0x6b, 0xd8, 0xd0, 0x11, 0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20},
        "WbemLevel1Login"},
    {{0x98, 0x66, 0x4b, 0x67, 0x92, 0xee, 0xd0, 0x11, 0xad, 0x71, 0x00, 0xc0, 0x4f, 0xd8, 0xfd, 0xff},
        "WbemContext"},
};

const char *dcerpc_class_find(const uint8_t *stub, size_t n)
{
	for (size_t at = 0; at + DCERPC_UUID_SIZE <= n; at += 4)
		for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
			if (memcmp(stub + at, classes[i].id, DCERPC_UUID_SIZE) == 0)
				return classes[i].name;
	return NULL;
}
